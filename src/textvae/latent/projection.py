"""A map of the latent space: the plane along which latents differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from textvae.errors import TextVAEError


@dataclass(frozen=True)
class Plane:
    """The first two principal components of latents (Pearson 1901), and what the others leave.

    Attributes:
        mean: (Z,) of the latents.
        axes: (Z, Z) orthonormal rows, by falling variance; the largest loading of each is positive, so that the same
            latents always give the same map.
        variance: (Z,) of the latents along each axis.
    """

    mean: np.ndarray
    axes: np.ndarray
    variance: np.ndarray

    @classmethod
    def fit(cls, z: np.ndarray) -> Self:
        """The plane of latents (N, Z).

        Raises:
            TextVAEError: fewer than two latents, or latents of one number.
        """
        latents = np.asarray(z, np.float64)
        if latents.ndim != 2 or len(latents) < 2 or latents.shape[1] < 2:
            raise TextVAEError(
                f"A map needs two latents of two numbers at least, got an array of {latents.shape}."
            )
        mean = latents.mean(0)
        variance, columns = np.linalg.eigh(np.cov(latents, rowvar=False))
        axes = columns.T[::-1]
        largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
        return cls(mean, axes * np.sign(largest), variance[::-1].clip(0))

    @property
    def explained(self) -> np.ndarray:
        """(2,) the shares of all variance that lie along the map's two axes."""
        return self.variance[:2] / max(self.variance.sum(), 1e-12)

    def project(self, z: np.ndarray) -> np.ndarray:
        """Latents (N, Z) to places on the map (N, 2), float64."""
        return (np.asarray(z, np.float64) - self.mean) @ self.axes[:2].T

    def lift(self, places: np.ndarray, noise: np.ndarray | None = None) -> np.ndarray:
        """Places on the map (N, 2) to latents (N, Z) float32 that lie there.

        Without ``noise`` these are the points of the plane itself. With standard normals (N, Z - 2), what the map
        doesn't show is drawn as the latents have it: z ~ N(mean, Σ) given its first two components.
        """
        z = self.mean + np.asarray(places, np.float64) @ self.axes[:2]
        if noise is not None:
            z = z + (noise * np.sqrt(self.variance[2:])) @ self.axes[2:]
        return z.astype(np.float32)
