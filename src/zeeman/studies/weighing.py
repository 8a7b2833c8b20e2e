"""The Hamiltonian that weighs configurations of a data set: the one recorded with them, else the square lattice's.

e = -sum_b J_b s_i s_j / N - h m, per site, in units of |J|; bonds b of strength J or J2, m the magnetisation
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.results import SpinSites
from zeeman.data import Loaded
from zeeman.spins import lattices

__all__ = ["PHASES", "Weighing", "weighing_of"]

PHASES = ("FM", "AFM", "PM")
_BY_PHASE = {"FM": 1.0, "AFM": -1.0, "PM": 1.0}
_NUMBERS = {"coupling": "J", "field": "h", "second_coupling": "J2"}
_NOTHING = (
    "energies per site, in |J|, are those of the square lattice with J = 1 (-1 in AFM) and no field: the data say "
    "nothing of lattice, coupling and field"
)
_AT_ONCE = 2**24  # bonds of all samples weighed together


@dataclass(frozen=True)
class Weighing:
    """Bonds, couplings and field in units of |J|.

    Attributes
    ----------
    about : str
        What was recorded and what was taken instead, one sentence for the reader.
    shape : tuple of int
        Of the sites.
    staggered : bool
        Whether (-1)^(x+y) alternates across every bond: not on triangles, nor around an odd ring.
    bonds, strengths : ndarray (bond, 2) and (bond,), or None
        Sites of every bond, each once, and J_b / |J|; None where energies cannot be known.
    signs : ndarray (sample,), or None
        Sign of J of each sample, where it was recorded for each.
    by_phase : mapping
        Sign of J of each phase, where it is no sample's own; empty if one J holds for all.
    field : float
        h / |J|.
    rest : str
        What configurations are called that neither align nor alternate.
    """

    about: str
    shape: tuple[int, ...]
    staggered: bool = True
    bonds: NDArray[np.integer] | None = None
    strengths: NDArray[np.float64] | None = None
    signs: NDArray[np.float64] | None = None
    by_phase: Mapping[str, float] = field(default_factory=dict)
    field: float = 0.0
    rest: str = "PM"

    def energies(self, X: NDArray, signs: ArrayLike = 1.0) -> NDArray[np.float64] | None:
        """Energy per site of X (sample, x, y) of -1/+1 in |J|, (sample,), with the `signs` of J; None if not known."""
        if self.bonds is None:
            return None
        flat = X.reshape(len(X), -1)
        parts = np.array_split(flat, max(1, flat.shape[0] * len(self.bonds) // _AT_ONCE))
        i, j = self.bonds.T
        bonded = np.concatenate([(part[:, i] * part[:, j]) @ self.strengths for part in parts]) / flat.shape[1]
        return -np.asarray(signs) * bonded - self.field * flat.mean(axis=1, dtype=np.float64)

    def sites(self) -> SpinSites | None:
        """What a page weighs decoded configurations with."""
        if self.bonds is None:
            return None
        patterns = {"magnetization": np.ones(self.shape)}
        if self.staggered:
            patterns["staggered_magnetization"] = 1.0 - 2.0 * (np.indices(self.shape).sum(axis=0) % 2)
        return SpinSites(self.bonds, self.by_phase, patterns, self.strengths, self.field, self.about)


def weighing_of(data: Loaded) -> Weighing:
    """Read lattice, J, J2 and h of spins X (sample, x, y) from what their file says of itself.

    Where it says nothing, the square lattice with |J| = 1 and no field is taken; where it says what these
    configurations cannot be weighed by, there are no energies. `Weighing.about` tells which.
    """
    shape, attrs = data.X.shape[1:], data.attrs
    try:
        if attrs.get("model", "Ising") != "Ising":
            raise ValueError(f"the data are of the model {attrs['model']}, not Ising")
        return _recorded(shape, attrs, _numbers(data))
    except (TypeError, ValueError) as refused:
        return Weighing(f"energies per site are left out: {refused}", shape)


def _recorded(shape: tuple[int, ...], attrs: Mapping[str, Any], numbers: Mapping[str, Any]) -> Weighing:
    J, h, J2 = (numbers.get(name, default) for name, default in zip(_NUMBERS, (1.0, 0.0, 0.0), strict=True))
    each = np.ndim(J) > 0
    if np.ndim(h) or np.ndim(J2) or (each and (J2 or (h and np.ptp(np.abs(J))))):
        raise ValueError("field or second coupling, or their ratio to J, differ among the samples")
    unit = float(np.max(np.abs(J))) or 1.0  # J = 0: the field's own
    sign = 1.0 if each else J / unit
    first, second, staggered = _bonds(str(attrs.get("lattice", "square")), shape, attrs.get("length"), bool(J2))
    return Weighing(
        _about(attrs, numbers), shape, staggered, np.concatenate([first, second]),
        np.concatenate([np.full(len(first), sign), np.full(len(second), J2 / unit)]),
        np.sign(J) if each else None, _BY_PHASE if each or "coupling" not in numbers else {}, h / unit,
        "other" if J2 or (sign < 0 and not staggered) else "PM",
    )  # fmt: skip


def _numbers(data: Loaded) -> dict[str, Any]:
    """Numbers of the Hamiltonian that the data name: one for all, or (sample,) where it differs among them."""
    found: dict[str, Any] = {}
    for name in _NUMBERS:
        values = np.asarray(data.variables.get(name, data.attrs.get(name, ())))
        if values.size == 0:
            continue
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise ValueError(f"{name} of the data holds {values.ravel()[0]!r}, not finite numbers")
        values = values.astype(np.float64)
        found[name] = float(values.flat[0]) if np.ptp(values) == 0 else values
    return found


def _bonds(
    name: str, shape: tuple[int, ...], length: Any, with_second: bool
) -> tuple[NDArray[np.integer], NDArray[np.integer], bool]:
    """Bonds to first and second neighbours, (bond, 2) each, and whether signs can alternate across the first."""
    if name not in lattices.__all__:
        raise ValueError(f"the data name the lattice {name!r}, which is none of this package")
    if name == "square" and length is None and not with_second:  # need not be as long as wide
        index = np.arange(np.prod(shape)).reshape(shape)
        around = [np.stack([index, np.roll(index, -1, axis)], -1).reshape(-1, 2) for axis in (0, 1)]
        return np.concatenate(around), np.empty((0, 2), np.int64), True
    lattice = getattr(lattices, name)(int(length or shape[0]))
    if lattice.shape != shape:
        raise ValueError(f"the data name the lattice {lattice!r}, but configurations are {shape[0]} x {shape[1]}")
    second = _pairs(lattice.second_bonds_of) if with_second else np.empty((0, 2), np.int64)
    return _pairs(lattice.bonds_of), second, lattice.checkerboard is not None


def _pairs(bonds_of: NDArray[np.integer]) -> NDArray[np.integer]:
    """(site, d) -> (bond, 2); an entry equal to the site itself is no bond."""
    pairs = np.stack([np.repeat(np.arange(len(bonds_of)), bonds_of.shape[1]), bonds_of.ravel()], axis=1)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _about(attrs: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    recorded = [f"the {attrs['lattice']} lattice"] if "lattice" in attrs else []
    for name, symbol in _NUMBERS.items():
        if name in numbers and (name == "coupling" or np.any(numbers[name])):
            value = numbers[name]
            recorded.append(f"{symbol} of each sample" if np.ndim(value) else f"{symbol} = {value:g}")
    if not recorded:
        return _NOTHING
    taken = [*(["square lattice"] if "lattice" not in attrs else []),
             *(["J = 1, -1 in AFM"] if "coupling" not in numbers else []),
             *(["no field"] if "field" not in numbers else [])]  # fmt: skip
    said = f"energies per site, in |J|, are those of {', '.join(recorded)}, as recorded"
    return f"{said}; not recorded and taken: {', '.join(taken)}" if taken else said
