"""The report as a method of a trained model: the one place that calls a room above, and only when it is asked to."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from textvae.estimators.strings import Texts


class Reported:
    """What a trained model can say of itself on one page."""

    def report(
        self,
        texts: Texts | None = None,
        path: str | PathLike[str] = "report.html",
        *,
        name: str | None = None,
        dates: str | None = None,
        iw_samples: int = 20,
        seed: int = 0,
    ) -> Path:
        """Writes what there is to know of the model as one HTML file that needs nothing else; as ``textvae report``.

        Args:
            texts: best ones that were not trained on; at most 2,000 evenly spaced ones are used. The labels of a
                ``Corpus`` colour its map. Without any, what needs no texts.
            path: of the file; one that is there is replaced.
            name: of the model, for the title; by default that of the file's folder.
            dates: the label that says when documents are from; of a topic model, whose topics then have a course.
            iw_samples: of the likelihood's importance weighting.
            seed: of all that is drawn.

        Raises:
            TextVAEError: there are no texts among those given, or the file can't be written.
        """
        from textvae.report.page import write_report

        write_report(self, texts, path, name=name, dates=dates, iw_samples=iw_samples, seed=seed)
        return Path(path)
