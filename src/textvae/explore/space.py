"""What the explorer shows: a model, some texts, where these lie, and what can be turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.errors import TextVAEError
from textvae.estimators import TextVAE
from textvae.latent.projection import Plane
from textvae.metrics.collapse import ACTIVE_VARIANCE
from textvae.noise import prior_draws
from textvae.registry import find
from textvae.text.batch import evenly
from textvae.text.corpus import Corpus

TEXTS = 20_000  # at most: those that are searched
SHOWN = 5_000  # at most: those on the map
_COMPONENTS = 8
_DRAWN = 1_000  # where no texts are given
_TOLD = 256  # characters of a text on the map


@dataclass(frozen=True)
class Handle:
    """A direction in the latent space that can be turned: z·u is its value, u being of length 1.

    Attributes:
        name: as shown; a dimension's number or a direction's name.
        kind: ``direction``, ``dimension`` or ``component``.
        meaning: of a dimension, as ``textvae explain`` names it; empty where nothing is known.
        vector: u (Z,).
        low, high: the values between which texts lie, and somewhat beyond.
        share: of the latents' variance that lies along it.
    """

    name: str
    kind: str
    meaning: str
    vector: np.ndarray
    low: float
    high: float
    share: float


class Space:
    """A model and the texts that are shown with it: at most ``TEXTS`` of a corpus, evenly spaced.

    Without a corpus the model writes texts itself, from z ~ p(z).

    Attributes:
        texts: N strings.
        labels: their labels, name -> N strings.
        z: (N, Z) their latents.
        plane: the map; ``places`` (N, 2) are theirs on it.
        handles: the model's directions, then its active dimensions (Burda et al. 2016) by falling variance, then
            principal components.
    """

    def __init__(
        self,
        vae: TextVAE,
        corpus: Corpus | None = None,
        *,
        name: str = "model",
        meanings: Mapping[int, str] | None = None,
    ) -> None:
        self.vae, self.name = vae, name
        self._meanings = meanings or {}
        self.written = corpus is None
        if corpus is None:
            self.z = prior_draws(vae.model_.prior(), _DRAWN, 0).cpu().numpy()
            self.texts, self.labels = vae.decode(self.z), {}
        else:
            kept = corpus.select(evenly(len(corpus), TEXTS))
            self.texts = kept.texts
            self.labels = {label: [str(value) for value in values] for label, values in kept.labels.items()}
            self.z = vae.encode(self.texts)
        self._folded = [text.casefold() for text in self.texts]
        self.plane = Plane.fit(self.z)
        self.places = self.plane.project(self.z)
        self.handles = [*self._directions(), *self._dimensions(), *self._components()]

    @property
    def latent_dim(self) -> int:
        """Z."""
        return self.z.shape[1]

    @property
    def on_sphere(self) -> bool:
        """Whether latents are directions, all of length √Z."""
        return "sphere" in find("prior", self.vae.config_.prior.name).provides

    def checked(self, z: Sequence[float]) -> np.ndarray:
        """A latent that a request brought, (Z,).

        Raises:
            TextVAEError: it is of another length.
        """
        if len(z) != self.latent_dim:
            raise TextVAEError(f"A latent of this model has {self.latent_dim} numbers, not {len(z)}.")
        return np.array(z, np.float32)

    def inside(self, z: np.ndarray) -> np.ndarray:
        """Latents (N, Z) moved to the nearest that the decoder was trained for: on a sphere, to its surface."""
        if not self.on_sphere:
            return z
        return z * np.sqrt(self.latent_dim) / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-6)

    def search(self, query: str, k: int) -> list[int]:
        """The numbers of the first ``k`` texts that contain the query, whatever its case."""
        folded = query.casefold()
        found = (i for i, text in enumerate(self._folded) if folded in text)
        return [i for i, _ in zip(found, range(k), strict=False)]

    def map(self) -> dict[str, Any]:
        """The places and texts of at most ``SHOWN`` texts, evenly spaced, with their labels."""
        shown = evenly(len(self.texts), SHOWN)
        return {
            "index": shown,
            "place": self.places[shown].round(4).tolist(),
            "text": [self.texts[i][:_TOLD] for i in shown],
            "z": self.z[shown].astype(np.float64).round(2).tolist(),
            "labels": {label: [values[i] for i in shown] for label, values in self.labels.items()},
        }

    def _directions(self) -> list[Handle]:
        ways = {name: direction.shift for name, direction in self.vae.directions_.items()}
        return [self._handle(name, "direction", way / np.linalg.norm(way)) for name, way in ways.items()]

    def _dimensions(self) -> list[Handle]:
        variance = self.z.var(0)
        order = np.argsort(-variance, kind="stable").tolist()
        active = [i for i in order if variance[i] > ACTIVE_VARIANCE] or order[:1]
        unit = np.eye(self.latent_dim)
        return [self._handle(str(i), "dimension", unit[i], self._meanings.get(i, "")) for i in active]

    def _components(self) -> list[Handle]:
        count = min(_COMPONENTS, self.latent_dim)
        return [self._handle(str(i + 1), "component", self.plane.axes[i]) for i in range(count)]

    def _handle(self, name: str, kind: str, vector: np.ndarray, meaning: str = "") -> Handle:
        values = self.z @ vector
        middle, spread = float(values.mean()), float(values.std())
        share = spread**2 / max(float(self.plane.variance.sum()), 1e-12)
        return Handle(name, kind, meaning, vector, middle - 4 * spread, middle + 4 * spread, share)
