"""Array aliases with named axes, and the records that travel between floors.

An alias is a promise about axes: ``Samples`` is (sample, latent), never (latent, sample).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from zeeman.base.brief import brief

__all__ = ["Codes", "Labels", "Samples", "Seed"]

Samples: TypeAlias = NDArray[np.floating]  # (sample, latent)
Labels: TypeAlias = NDArray[np.integer]  # (sample,)
Seed: TypeAlias = "int | np.random.Generator | np.random.RandomState | None"


@brief
@dataclass(frozen=True)
class Codes:
    """Diagonal Gaussian posteriors q(z|x) = N(mean, diag scale^2) of every sample under every replica.

    Attributes
    ----------
    mean, scale : ndarray, (replica, sample, latent)
        Posterior means and standard deviations, in units of the prior's standard deviation.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @property
    def n_replicas(self) -> int:
        """Number of trainings, the leading axis."""
        return self.mean.shape[0]
