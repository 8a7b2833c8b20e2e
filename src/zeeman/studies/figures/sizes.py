"""How large a reproduction is: what the papers used, what two cores do in half an hour, and the least that runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zeeman.base.checks import check_choice, check_positive_integer

__all__ = ["SIZES", "Size", "size_of"]

_PAPER_LATTICE = 32


@dataclass(frozen=True)
class Size:
    """Settings that every figure scales by.

    Attributes
    ----------
    name : str
    lattice : int
        L of an L x L lattice.
    n_configurations : int
        Spin configurations of one data set.
    n_epochs : int
        Passes of a convolutional network over them.
    n_samples : int
        Rows of a synthetic table.
    n_table_epochs : int
        Passes of a network for tables.
    seeds : tuple of int
        Every seed draws its own data, weights, order and noise.
    """

    name: str
    lattice: int
    n_configurations: int
    n_epochs: int
    n_samples: int
    n_table_epochs: int
    seeds: tuple[int, ...]

    def beta(self, paper_beta: float) -> float:
        """Return the paper's beta, given for 32 x 32 sites, scaled by the area: the collapse threshold scales so."""
        return paper_beta * (self.lattice / _PAPER_LATTICE) ** 2


SIZES = {
    "smoke": Size("smoke", 8, 400, 2, 400, 3, (0,)),
    "quick": Size("quick", 16, 6_000, 8, 3_000, 60, (0, 1)),
    "paper": Size("paper", 32, 100_000, 5, 3_000, 150, (0, 1, 2, 3, 4)),
}


def size_of(name: str, n_seeds: int | None = None, seed: int = 0) -> Size:
    """Return the size called `name` with `n_seeds` seeds (its own number by default) counted from `seed`."""
    check_choice(name, tuple(SIZES), "size")
    size = SIZES[name]
    count = len(size.seeds) if n_seeds is None else check_positive_integer(n_seeds, "seeds")
    if seed < 0:
        raise ValueError(f"seed must be non-negative, got {seed}")
    return replace(size, seeds=tuple(range(seed, seed + count)))
