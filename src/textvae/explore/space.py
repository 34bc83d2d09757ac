"""What the explorer shows: a model, some texts, where these lie, and what can be turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from textvae.errors import TextVAEError
from textvae.estimators import TextVAE
from textvae.explore.shown import Shown, chosen
from textvae.metrics.collapse import ACTIVE_VARIANCE
from textvae.noise import prior_draws
from textvae.registry import find
from textvae.text.corpus import Corpus

_COMPONENTS = 8
_DRAWN = 1_000  # where no texts are given


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
    """A sentence VAE and the texts that are shown with it.

    Without a corpus the model writes texts itself, from z ~ p(z).

    Attributes:
        shown: the texts.
        written: whether the model wrote them.
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
            z = prior_draws(vae.model_.prior(), _DRAWN, 0).cpu().numpy()
            self.shown = Shown(vae.decode(z), {}, z)
        else:
            texts, labels = chosen(corpus)
            self.shown = Shown(texts, labels, vae.encode(texts))
        self.handles = [*self._directions(), *self._dimensions(), *self._components()]

    @property
    def latent_dim(self) -> int:
        """Z."""
        return self.shown.z.shape[1]

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

    def _directions(self) -> list[Handle]:
        ways = {name: direction.shift for name, direction in self.vae.directions_.items()}
        return [self._handle(name, "direction", way / np.linalg.norm(way)) for name, way in ways.items()]

    def _dimensions(self) -> list[Handle]:
        variance = self.shown.z.var(0)
        order = np.argsort(-variance, kind="stable").tolist()
        active = [i for i in order if variance[i] > ACTIVE_VARIANCE] or order[:1]
        unit = np.eye(self.latent_dim)
        return [self._handle(str(i), "dimension", unit[i], self._meanings.get(i, "")) for i in active]

    def _components(self) -> list[Handle]:
        count = min(_COMPONENTS, self.latent_dim)
        return [self._handle(str(i + 1), "component", self.shown.plane.axes[i]) for i in range(count)]

    def _handle(self, name: str, kind: str, vector: np.ndarray, meaning: str = "") -> Handle:
        values = self.shown.z @ vector
        middle, spread = float(values.mean()), float(values.std())
        share = spread**2 / max(float(self.shown.plane.variance.sum()), 1e-12)
        return Handle(name, kind, meaning, vector, middle - 4 * spread, middle + 4 * spread, share)
