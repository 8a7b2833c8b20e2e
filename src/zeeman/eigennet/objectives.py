"""The per-sample energies of paper 000, as printed and corrected, for a real quantum number n.

Both are built from one integral that has no singular point, so neither has a 0/0 at n = t/2 or anywhere else:

    h(u) = 1/u int_0^u sin x dx = (1 - cos u) / u = (u/2) sinc^2(u/2),        sinc(x) = sin(x) / x.

They are objectives of one sample each: their minimum depends on |z| alone (`pointwise_optimum`), so no spectrum of the
data comes of them. They stand here because the paper describes them; see `zeeman.eigennet.EigenNet`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from zeeman.base.brief import brief
from zeeman.base.checks import check_choice

__all__ = [
    "POINTWISE",
    "PaperBox",
    "PointwiseOptimum",
    "corrected_energy",
    "pointwise_optimum",
    "printed_energy",
    "quantum_number",
]

POINTWISE = ("paper", "corrected")
_EDGE = 1.0 - 1e-7  # of arcsin, whose slope is infinite at 1
_CENTRE = 1e-3  # radii below this part of the box count as it: n has a pole at z = 0
_STATES_ABOVE = 200  # of the sum over states, beyond 4 t L: n up to 2 t L mix with n + 2 t L, then terms fall as m^-8


@dataclass(frozen=True)
class PaperBox:
    """What the paper leaves to its reader.

    Attributes
    ----------
    alpha : float
        Kinetic weight, E0 = alpha n^2 = A (pi n / L)^2.
    t : float
        Of the potential: sin(pi t z) as printed, sin(2 pi t z) corrected.
    length : float
        L, the wall's distance from the origin.
    """

    alpha: float
    t: float
    length: float

    def check(self, objective: str) -> None:
        """Raise ValueError, by name, unless the objective is defined for these numbers."""
        check_choice(objective, POINTWISE, "objective")
        for name in ("alpha", "t", "length"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a finite positive number, got {value!r}")
        if objective == "paper" and self.t != round(self.t):
            raise ValueError(f"the printed (-1)^t needs an integer t, got t = {self.t}: round it")
        windings = self.t * self.length
        if objective == "corrected" and abs(windings - round(windings)) > 1e-9 * windings:
            raise ValueError(
                f"t * length = {windings:g} must be an integer, or the first order does not vanish and the second has "
                f"poles: set t to {max(round(windings), 1)} / length"
            )


@brief
@dataclass(frozen=True)
class PointwiseOptimum:
    """The lowest `energy` that a sample can reach, and the quantum number there, both (sample,)."""

    energy: NDArray[np.float64]
    n: NDArray[np.float64]


def quantum_number(psi: Tensor, radius: Tensor, length: float, objective: str = "paper") -> Tensor:
    """Quantum number n of a sample, from psi(z) and |z|.

    n = (L / pi |z|) arcsin(L psi^2 / 2) as printed; n = (L / pi |z|) arcsin(sqrt(L/2) |psi|) corrected. The arcsin
    is the principal branch, so n <= L / (2 |z|). Arguments above 1 count as 1, radii below L / 1000 as that.

    Parameters
    ----------
    psi : Tensor, (sample,)
        psi_n(z), length^-1/2.
    radius : Tensor, (sample,)
        |z|: the paper has one coordinate z for a code of any dimension.
    length : float
        L.

    Source: paper 000, section 2; sin^2 and its missing root, by phi_n = sqrt(2/L) sin(pi n z / L).
    """
    sine = (0.5 * length) ** 0.5 * psi.abs()
    if objective == "paper":
        sine = sine.square()
    return length / (torch.pi * radius.clamp_min(_CENTRE * length)) * torch.arcsin(sine.clamp_max(_EDGE))


def printed_energy(n: Tensor, box: PaperBox) -> Tensor:
    """E0 + E1 as printed, with N read as t, (sample,).

    E0 = alpha n^2,   E1 = (-1)^t {cos(pi t) [4 n^2 + t^2 cos(2 pi n) - t^2] + 2 n [t sin(2 pi n) sin(pi t) - 2 n]}
    / (2 pi t [t^2 - 4 n^2]) = (-1)^t int_0^1 sin^2(pi n z) sin(pi t z) dz for integer t, by which it is computed:

    E1 = (-1)^t {h(pi t) / 2 - [h(pi (t + 2 n)) + h(pi (t - 2 n))] / 4}.

    Source: paper 000, section 2.
    """
    t = torch.as_tensor(round(box.t), dtype=n.dtype, device=n.device)
    mirror = -1.0 if round(box.t) % 2 else 1.0
    first = 0.5 * _h(torch.pi * t) - 0.25 * (_h(torch.pi * (t + 2 * n)) + _h(torch.pi * (t - 2 * n)))
    return box.alpha * n.square() + mirror * first


def corrected_energy(n: Tensor, box: PaperBox) -> Tensor:
    """E0 + E2 of the box with sin(2 pi t z), t L an integer, continued to real n, (sample,).

    E = alpha n^2 + sum_{m=1}^M V_mn^2 / (alpha (n^2 - m^2)),
    V_mn = 2/L int_0^L sin(pi m z/L) sin(pi n z/L) sin(2 pi t z) dz, phi_n = sqrt(2/L) sin(pi n z / L) not renormalised,
    M = 200 + 4 t L.

    The first order is left out: it is 0, by parity, for every level. For the same reason V_mn vanishes as n approaches
    m, so the sum needs no exception at m = n. At integer n this is the second-order energy of the textbook; between
    them n is no level (phi_n misses the wall at L) and the value only an interpolation. Second order means little
    where alpha is below 1, the amplitude of the potential.
    """
    windings = round(box.t * box.length)
    m = torch.arange(1, _STATES_ABOVE + 4 * windings + 1, dtype=n.dtype, device=n.device)
    below, above = torch.pi * (m - n[..., None]), torch.pi * (m + n[..., None])
    turn = 2.0 * torch.pi * windings
    element = 0.5 * (_h(turn + below) + _h(turn - below) - _h(turn + above) - _h(turn - above))
    gap = (n[..., None] - m) * (n[..., None] + m)
    near = gap.abs() < 1e-3
    ratio = torch.where(near, 0.0, element) / torch.where(near, 1.0, gap)
    return box.alpha * n.square() + (ratio * element).sum(-1) / box.alpha


def energy_of(n: Tensor, box: PaperBox, objective: str) -> Tensor:
    """The per-sample objective of this name at quantum numbers `n`, (sample,)."""
    return printed_energy(n, box) if objective == "paper" else corrected_energy(n, box)


def pointwise_optimum(
    radius: ArrayLike, t: float, alpha: float, L: float = 1.0, *, objective: str = "paper", n_grid: int = 20_001
) -> PointwiseOptimum:
    """Least energy over all psi, sample by sample: min over 0 <= n <= L / (2 |z|), on a grid of n.

    It is a function of the radius alone, and the one that a network trained on the objective approaches: neither
    clusters nor any other shape of the data enters.

    Parameters
    ----------
    radius : array-like, (sample,)
        |z| >= 0.
    t, alpha, L : float
        Of the potential, the kinetic weight and the box.
    objective : {"paper", "corrected"}
    n_grid : int
        Points of the grid on 0 <= n <= max(2, 2 t L, 2 / sqrt(alpha)), beyond which the kinetic term alone is above 0.

    Returns
    -------
    PointwiseOptimum
    """
    box = PaperBox(float(alpha), float(t), float(L))
    box.check(objective)
    radii = np.atleast_1d(np.asarray(radius, dtype=np.float64))
    if radii.size == 0 or not np.isfinite(radii).all() or (radii < 0).any():
        raise ValueError("radius must hold finite numbers >= 0, the |z| of every sample")
    grid = np.linspace(0.0, max(2.0, 2 * box.t * max(box.length, 1.0), 2.0 / math.sqrt(box.alpha)), n_grid)
    parts = [energy_of(torch.as_tensor(part), box, objective) for part in np.array_split(grid, 1 + n_grid // 2000)]
    energies = torch.cat(parts).numpy()
    lowest = np.minimum.accumulate(energies)
    where = np.maximum.accumulate(np.where(energies == lowest, np.arange(n_grid), 0))
    cap = box.length / (2.0 * np.maximum(radii, _CENTRE * box.length))
    last = np.searchsorted(grid, cap, side="right") - 1
    end = np.minimum(cap, grid[-1])  # the cap itself is no point of the grid
    at_end = energy_of(torch.as_tensor(end), box, objective).numpy()
    capped = at_end < lowest[last]
    return PointwiseOptimum(np.where(capped, at_end, lowest[last]), np.where(capped, end, grid[where[last]]))


def _h(u: Any) -> Tensor:
    half = 0.5 * u
    return half * torch.sinc(half / torch.pi).square()
