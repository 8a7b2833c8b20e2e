r"""Discrete models as tables: H = sum_<ij> pair[a_i, a_j] + sum_<<ij>> second[a_i, a_j] + sum_i site[a_i].

They are written down here once more, apart from the samplers': an oracle that read the samplers' own tables would
agree with their mistakes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.models import BlumeCapel, Clock, Ising, Model, Potts, StateModel

__all__ = ["Tables", "is_discrete", "tables"]


@dataclass(frozen=True)
class Tables:
    """A discrete model with states a = 0..q-1.

    Attributes
    ----------
    values : ndarray, (state,)
        What a configuration holds in each state.
    pair, second : ndarray, (state, state)
        Energy of a bond, and of a pair of second neighbours.
    site : ndarray, (state,)
        Energy of a site.
    charges : ndarray of int, (state, charge)
        Numbers whose sums over all sites decide the order parameter.
    basis : ndarray, (charge, component)
        The order vector of a state is charges @ basis.
    """

    values: NDArray[np.int64]
    pair: NDArray[np.float64]
    second: NDArray[np.float64]
    site: NDArray[np.float64]
    charges: NDArray[np.int64]
    basis: NDArray[np.float64]

    @property
    def n_states(self) -> int:
        """Number of states q of a site."""
        return len(self.values)

    @property
    def order(self) -> NDArray[np.float64]:
        """Order vector of every state, (state, component)."""
        return self.charges @ self.basis

    @property
    def shifts(self) -> bool:
        """Whether a -> a + 1 mod q, at all sites, leaves the energy as it is."""
        kinds = self.pair, self.second, self.site
        tiny = 1e-12 * max(np.abs(table).max() for table in kinds)
        return all(np.abs(np.roll(table, 1, range(table.ndim)) - table).max() <= tiny for table in kinds)

    def states(self, configurations: Any) -> NDArray[np.intp]:
        """Return which state every site is in, in the shape of the configurations; ValueError for other values."""
        x = np.asarray(configurations)
        found = np.searchsorted(self.values, x).clip(max=self.n_states - 1)
        wrong = np.argwhere(self.values[found] != x)
        if len(wrong):
            place = tuple(int(k) for k in wrong[0])
            raise ValueError(
                f"configurations hold {x[place]!r} at {place}, but a site takes {', '.join(map(str, self.values))}"
            )
        return found


def is_discrete(model: Model) -> bool:
    """Whether `model` is one of discrete states."""
    return _rule(model) is not None


def tables(model: Model) -> Tables:
    """Tables of an Ising, Potts, Blume-Capel or clock model, or of a user's own; ValueError for vectors."""
    rule = _rule(model)
    if rule is None:
        raise ValueError(f"sums over states need a model of discrete states, such as Ising or Potts, got {model!r}")
    return rule(model)


def _rule(model: Model) -> Callable[[Any], Tables] | None:
    return next((_RULES[kind] for kind in type(model).__mro__ if kind in _RULES), None)


def _ising(model: Any) -> Tables:
    s = np.array([-1, 1])
    pair = np.outer(s, s).astype(np.float64)
    second = -getattr(model, "second_coupling", 0.0) * pair
    return Tables(s, -model.coupling * pair, second, -model.field * s, s[:, None], np.eye(1))


def _potts(model: Any) -> Tables:
    q = model.n_states
    return _without_second(
        np.arange(q), -model.coupling * np.eye(q), np.zeros(q), np.eye(q, dtype=np.int64), _simplex(q)
    )


def _blume_capel(model: Any) -> Tables:
    s = np.array([-1, 0, 1])
    charges, basis = np.stack([s, s * s], axis=1), np.array([[1.0], [0.0]])
    return _without_second(s, -model.coupling * np.outer(s, s), model.crystal_field * s * s, charges, basis)


def _clock(model: Any) -> Tables:
    p = model.n_states
    angle = 2 * math.pi * np.arange(p) / p
    pair = -model.coupling * np.cos(angle[:, None] - angle)
    charges = _cyclotomic(p)
    kept = angle[: charges.shape[1]]
    basis = np.stack([np.cos(kept), np.sin(kept)], axis=1)
    return _without_second(np.arange(p), pair, np.zeros(p), charges, basis)


def _own(model: Any) -> Tables:
    """A model of the user's, as it states itself."""
    states = model.states
    order = np.argsort(states.values)
    bond, q = states.kinds[:, order][:, :, order], states.n_states
    second = bond[1] if len(bond) > 1 else 0.0 * bond[0]
    return Tables(
        np.asarray(states.values, np.int64)[order], bond[0], second, states.site[order],
        np.eye(q, dtype=np.int64), states.vectors[order],
    )  # fmt: skip


_RULES: dict[type, Callable[[Any], Tables]] = {
    Ising: _ising,
    Potts: _potts,
    BlumeCapel: _blume_capel,
    Clock: _clock,
    StateModel: _own,
}


def _cyclotomic(p: int) -> NDArray[np.int64]:
    """Integer coordinates of the p-th roots of unity w^a in the basis 1, w, w^2, ..., (state, coordinate)."""

    def minimal(n: int) -> NDArray[np.float64]:
        """Coefficients of the n-th cyclotomic polynomial, highest power first: x^n - 1 less its divisors'."""
        left = np.array([1.0, *[0.0] * (n - 1), -1.0])
        for divisor in range(1, n):
            if n % divisor == 0:
                left = np.rint(np.polydiv(left, minimal(divisor))[0])
        return left

    modulus = minimal(p)
    powers = np.zeros((p, len(modulus) - 1), np.int64)
    for a in range(p):
        rest = np.rint(np.polydiv([1.0, *[0.0] * a], modulus)[1])[::-1]
        powers[a, : len(rest)] = rest
    return powers


def _without_second(
    values: NDArray, pair: NDArray, site: NDArray, charges: NDArray[np.int64], basis: NDArray[np.float64]
) -> Tables:
    return Tables(values, pair.astype(np.float64), 0.0 * pair, site.astype(np.float64), charges, basis)


def _simplex(q: int) -> NDArray[np.float64]:
    """Return q unit vectors that point away from one another, (state, component): e_a . e_b = -1 / (q - 1)."""
    gram = (np.eye(q) - 1 / q) * q / (q - 1)
    size, axes = np.linalg.eigh(gram)
    return axes[:, 1:] * np.sqrt(size[1:])
