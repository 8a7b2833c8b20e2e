"""Rows of the table of critical temperatures: which model, which sizes, how far from the transition.

Temperatures of the samples come from a pilot over `window`, a broad range: T = T_pilot (1 + x L^(-1/nu)), |x| up to
`reach`; nothing is told where the transition is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zeeman import spins
from zeeman.base.checks import check_choice

__all__ = ["ROWS", "SIZES", "Effort", "Row", "effort_of"]

_MOST_BYTES = 3 << 30  # of one size, all samples and temperatures
_COST_OF_A_ROW = 100.0  # millions of spins: fits and trainings take about as long as they do


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    title : str
    make : callable
        L -> model.
    window : tuple (low, high)
        Temperatures that the pilot looks at.
    reach : float
        Largest |x| of the samples; of a BKT transition the largest |T / T_pilot - 1|.
    nu : float or None
        How the range narrows with L; None: not at all (BKT).
    dim : int
        Of the lattice: decides the sizes.
    share : float
        Samples of the largest size, in parts of those of other rows: more where the signal is flat, fewer where they
        are dear.
    """

    title: str
    make: Callable[[int], Any]
    window: tuple[float, float]
    reach: float = 0.9
    nu: float | None = 1.0
    dim: int = 2
    share: float = 1.0

    @property
    def beside(self) -> str:
        """What the known order parameter is asked for: its cumulant, or the stiffness where nothing crosses."""
        return "binder" if self.nu is not None else "helicity"


@dataclass(frozen=True)
class Effort:
    """How much is sampled and trained.

    Attributes
    ----------
    name : str
    lengths : dict
        Sizes by dimension; those of BKT transitions under 0.
    n_samples, n_temperatures : int
        Of every temperature, and how many of them.
    n_pilot : int
        Samples at every temperature of the pilot.
    n_replicas, n_epochs : int
    """

    name: str
    lengths: dict[int, tuple[int, ...]]
    n_samples: int
    n_temperatures: int
    n_pilot: int
    n_replicas: int
    n_epochs: int

    def lengths_of(self, row: Row) -> tuple[int, ...]:
        """Sizes of a row's lattices."""
        return self.lengths[0 if row.nu is None else row.dim]

    def cost_of(self, row: Row) -> float:
        """Share of a row in the time of a table: spins that are sampled, in millions, and what all rows need."""
        spins = sum(self.samples_of(row, length) * length**row.dim for length in self.lengths_of(row))
        return _COST_OF_A_ROW + 1e-6 * self.n_temperatures * spins

    def samples_of(self, row: Row, length: int) -> int:
        """Samples of one size of a row at every temperature: fewer where they would fill the memory.

        At a BKT transition as 1/L: there the slope of a signal grows as a logarithm, a sample of any size tells about
        the same and costs L^2, and of such samples n ~ cost^(-1/2) have the least error.
        """
        bytes_of_one = row.make(length).dtype.itemsize * length**row.dim
        more = 1.0 if row.nu is not None else self.lengths[0][-1] / length
        return min(round(self.n_samples * row.share * more), _MOST_BYTES // (self.n_temperatures * bytes_of_one))


def _on(kind: Any, lattice: str, **settings: Any) -> Callable[[int], Any]:
    return lambda length: kind(getattr(spins, lattice)(length), **settings)


def _blume_capel(field: float, window: tuple[float, float]) -> Row:
    return Row(f"Blume-Capel, Delta = {field:g}", _on(spins.BlumeCapel, "square", crystal_field=field), window)


ROWS = {
    "square": Row("Ising, square", _on(spins.Ising, "square"), (1.8, 2.8)),
    "triangular": Row("Ising, triangular", _on(spins.Ising, "triangular"), (3.0, 4.4)),
    "honeycomb": Row("Ising, honeycomb", _on(spins.Ising, "honeycomb"), (1.2, 1.9)),
    "cubic": Row("Ising, cubic", _on(spins.Ising, "cubic"), (3.8, 5.4), 0.5, 0.63, 3),
    "potts3": Row("Potts, q = 3", _on(spins.Potts, "square", n_states=3), (0.8, 1.2), 0.6, 5 / 6),
    "potts4": Row("Potts, q = 4", _on(spins.Potts, "square", n_states=4), (0.75, 1.1), 0.8, 2 / 3, share=0.5),
    "blume0": _blume_capel(0.0, (1.3, 2.1)),
    "blume0.5": _blume_capel(0.5, (1.2, 2.0)),
    "blume1": _blume_capel(1.0, (1.1, 1.8)),
    "blume1.5": _blume_capel(1.5, (0.9, 1.5)),
    "blume1.75": _blume_capel(1.75, (0.75, 1.2)),
    "clock4": Row("clock, p = 4", _on(spins.Clock, "square", n_states=4), (0.9, 1.4)),
    "clock6": Row("clock, p = 6, upper", _on(spins.Clock, "square", n_states=6), (0.8, 1.1), 0.05, None, share=5),
    "xy": Row("XY, square", _on(spins.XY, "square"), (0.75, 1.1), 0.05, None, share=5),
}

SIZES = {
    "smoke": Effort("smoke", {2: (4, 6, 8), 3: (3, 4, 5), 0: (4, 6, 8)}, 200, 5, 100, 2, 2),
    "quick": Effort("quick", {2: (8, 16, 32), 3: (8, 12, 16), 0: (8, 16, 32)}, 3000, 7, 600, 3, 10),
    "full": Effort("full", {2: (8, 16, 32, 64), 3: (8, 12, 16, 24, 32), 0: (8, 16, 32, 64, 128)}, 3000, 7, 1000, 3, 10),
}


def effort_of(size: str) -> Effort:
    """Settings called `size`; ValueError with the known names."""
    check_choice(size, tuple(SIZES), "size")
    return SIZES[size]
