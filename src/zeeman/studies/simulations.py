"""A spin model sampled into a store: what `zeeman simulate` does, and what it would do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zeeman import spins
from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.data import generate_to

__all__ = ["LATTICES", "MODELS", "Simulation"]

MODELS = ("ising",)
LATTICES = ("chain", "square", "triangular", "honeycomb", "cubic")


@dataclass(frozen=True)
class Simulation:
    """Configurations at every temperature, in the unit of J and h, into a zarr store.

    Raises
    ------
    ValueError, TypeError
        For names, numbers or a store that cannot be used; before anything is written.
    """

    model: str
    temperatures: tuple[float, ...]
    out: Path
    lattice: str = "square"
    size: int = 32
    n_samples: int = 1000
    coupling: float = 1.0
    field: float = 0.0
    method: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.model, MODELS, "model")
        check_choice(self.lattice, LATTICES, "lattice")
        check_choice(self.method, spins.samplers.METHODS, "method")
        check_positive_integer(self.n_samples, "n_samples")
        for value in self.temperatures:
            if not 0 < value < float("inf"):
                raise ValueError(f"temperature must be positive and finite, got {value!r}")
        if self.seed < 0:
            raise ValueError(f"seed must be non-negative, got {self.seed}")
        if self.out.suffix != ".zarr":
            raise ValueError(f"--out must end in .zarr, got {self.out}")
        why_not = None if self.method == "auto" else self.spins.why_not(self.method)
        if why_not:
            raise ValueError(why_not)

    @property
    def spins(self) -> spins.Ising:
        """The model on its lattice."""
        return spins.Ising(getattr(spins, self.lattice)(self.size), coupling=self.coupling, field=self.field)

    def run(self, *, progress: bool = True) -> int:
        """Write the store, or go on with it; return how many configurations it holds."""
        return generate_to(
            self.out, self.spins, self.temperatures, self.n_samples, method=self.method, seed=self.seed,
            progress=progress,
        )  # fmt: skip

    def plan(self) -> dict[str, Any]:
        """What `run` would do."""
        sites, count = self.spins.lattice.n_sites, self.n_samples * len(self.temperatures)
        return {
            "would": "go on with the store" if self.out.exists() else "sample a new store",
            "out": str(self.out),
            "settings": {k: v for k, v in asdict(self).items() if k != "out"},
            "sites": sites,
            "configurations": count,
            "megabytes": round(count * sites / 8 / 1e6, 2),
        }
