"""The spectrum as a regulariser: the lowest energies of a batch of codes, differentiable.

For codes u of mean 0 and mean variance 1 (energies then are those of z times its mean variance: no scale is left to
inflate) and normalised Gaussians p_j of width s at landmarks c_j, cbar = sum_l p_l c_l (`zeeman.hamiltonians.bases`),

    A_ij = 1/(2 s^4) E[p_i p_j (c_i - cbar).(c_j - cbar)],   B_ij = E[p_i p_j],   A c = E B c,
    S = E_0 + E_1 + ... + E_{k-1},    E_0 = 0.

S is small when the codes fall into k sets with nothing between them, about (k - 1) / 2 for one Gaussian in at least
k - 1 dimensions: adding it to a loss rewards separated sets, whether or not the data have them. It does not change
when the codes are shifted, rotated, reflected or rescaled, so it fixes no frame.

A sum of the k lowest eigenvalues has a gradient where E_{k-1} < E_k, however degenerate the levels inside are; where
those two meet it has a kink (one of its one-sided slopes is taken). No eigenvector is differentiated. Landmarks and
width are held fixed in the gradient (detached); they move with the next batch.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from zeeman.base.checks import check_positive_integer

__all__ = ["LowLevels", "dirichlet_forms", "energies", "landmarks", "standardised"]

_LLOYD_STEPS = 3
_UNRESOLVED = 1e-12  # overlap below which a direction counts as absent ...
_HIGH = 1e4  # ... and the energy it is given, above every other
_SMALLEST_VARIANCE = 1e-6


@dataclass(frozen=True)
class LowLevels:
    """Regulariser weight * S, S the sum of the `n_states` lowest energies of the batch's posterior means.

    Parameters
    ----------
    weight : float
        Nats per unit of energy times mean variance.
    n_states : int
        k, the ground state (energy 0) included: the number of sets that are rewarded.
    n_landmarks : int
        Cells of the batch; those with fewer than `min_count` samples carry no Gaussian, so that no reward is to be had
        for isolating single samples.
    width : float
        Of the Gaussians, in units of the median distance between neighbouring landmarks.
    min_count : int
    """

    weight: float = 1.0
    n_states: int = 3
    n_landmarks: int = 16
    width: float = 1.0
    min_count: int = 3

    def __post_init__(self) -> None:
        check_positive_integer(self.n_states, "n_states", minimum=2)
        check_positive_integer(self.n_landmarks, "n_landmarks", minimum=2)
        check_positive_integer(self.min_count, "min_count")
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"weight must be a finite non-negative number, got {self.weight!r}")
        if not (math.isfinite(self.width) and self.width > 0):
            raise ValueError(f"width must be a finite positive number, got {self.width!r}")
        if self.n_states > self.n_landmarks:
            raise ValueError(
                f"n_states = {self.n_states} levels need as many landmarks, got n_landmarks = {self.n_landmarks}"
            )

    def settings(self) -> dict[str, Any]:
        """Return the parameters as plain values."""
        return asdict(self)

    def __call__(self, z: Tensor) -> Tensor:
        """Return S of the codes z, (sample, latent), a scalar; fewer levels where fewer cells are populated."""
        u = standardised(z.double())  # 16 x 16 matrices: their cost is nothing, their digits are needed
        centers, populated, spacing = landmarks(u.detach(), min(self.n_landmarks, len(u)), self.min_count)
        levels = energies(*dirichlet_forms(u, centers, self.width * spacing, populated), populated)
        counted = torch.arange(len(levels), device=z.device) < populated.sum().clamp_max(self.n_states)
        return torch.where(counted, levels, 0.0).sum().to(z.dtype)


def standardised(z: Tensor) -> Tensor:
    """Return codes of mean 0 and mean variance 1 (over axes), (sample, latent): axes are not scaled one by one."""
    centred = z - z.mean(0)
    return centred / centred.square().mean().clamp_min(_SMALLEST_VARIANCE).sqrt()


def landmarks(u: Tensor, n_landmarks: int, min_count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return centres of k-means cells (landmark, latent), which are populated (landmark,), and their median spacing.

    Starts at the first samples (a batch comes in random order), so no random numbers are drawn.
    """
    centers = u[:n_landmarks]
    for _ in range(_LLOYD_STEPS):
        cells = _cells(u, centers)
        counts = cells.sum(0)[:, None]
        centers = torch.where(counts > 0, cells.mT @ u / counts.clamp_min(1.0), centers)
    counts = _cells(u, centers).sum(0)
    populated = counts >= counts.max().clamp_max(min_count)
    both = populated[:, None] & populated & ~torch.eye(n_landmarks, dtype=torch.bool, device=u.device)
    nearest = torch.where(both, torch.cdist(centers, centers), math.inf).amin(1).sort().values
    middle = ((populated.sum() - 1) // 2).clamp_min(0)  # unpopulated cells are infinitely far, at the end
    at_middle = torch.arange(n_landmarks, device=u.device) == middle
    spacing = torch.where(at_middle, nearest, 0.0).sum().clamp(1e-3, 1e3)
    return centers, populated, spacing


def dirichlet_forms(u: Tensor, centers: Tensor, width: Tensor, populated: Tensor) -> tuple[Tensor, Tensor]:
    """Return A and B, (landmark, landmark) each, of the normalised Gaussians at the populated landmarks."""
    exponent = (u @ centers.mT - 0.5 * centers.square().sum(1)) / width**2
    p = torch.where(populated, exponent, -math.inf).softmax(1)
    tilt = p[:, :, None] * (centers - (p @ centers)[:, None, :])  # s^2 grad p_j, (sample, landmark, latent)
    A = torch.einsum("nid,njd->ij", tilt, tilt) / (2.0 * width**4 * len(u))
    return A, p.mT @ p / len(u)


def energies(A: Tensor, B: Tensor, populated: Tensor) -> Tensor:
    """Return the eigenvalues of A c = E B c, ascending, (landmark,); directions without samples stand at the end."""
    absent = torch.where(populated, _UNRESOLVED, 1.0).to(A.dtype).diag()
    L = torch.linalg.cholesky(B + absent)
    half = torch.linalg.solve_triangular(L, A + _HIGH * absent, upper=False)
    reduced = torch.linalg.solve_triangular(L, half.mT, upper=False)
    return torch.linalg.eigvalsh(0.5 * (reduced + reduced.mT))


def _cells(u: Tensor, centers: Tensor) -> Tensor:
    """Return which landmark is nearest, one-hot (sample, landmark)."""
    nearest = torch.cdist(u, centers).argmin(1)
    return (nearest[:, None] == torch.arange(len(centers), device=u.device)).to(u.dtype)
