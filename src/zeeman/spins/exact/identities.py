r"""Identities that hold at every size and temperature: a check of any sampler, exact where sums are not at hand.

Vectors of n components, h_i = J sum_j s_j, P_i x = x - s_i (s_i . x), M = sum_i s_i (Schwinger-Dyson: the integral of
a derivative over the sphere of s_i vanishes):

    <|P_i h_i|^2> = (n - 1) T <s_i . h_i>                 (for XY <(sum_j sin)^2> J^2 = T J <sum_j cos>)
    <M^2> = N + sum_i <P_i M . h_i> / ((n - 1) T)

Discrete states (heat bath: given its neighbours, a site follows Boltzmann's law):

    <f(s_i)> = <E[f(s_i) | the others]>
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.brief import brief
from zeeman.spins.exact.checks import one_temperature
from zeeman.spins.exact.tables import Tables, is_discrete, tables
from zeeman.spins.models import Model, VectorModel

__all__ = ["Identity", "schwinger_dyson"]

_AT_ONCE = 20_000_000  # numbers held at once


@brief
@dataclass(frozen=True)
class Identity:
    """Two quantities whose exact means are equal.

    Attributes
    ----------
    name : {"energy", "order"}
        What it tests: local energies, or the order parameter of the whole lattice.
    left, right : ndarray, (sample,)
        Mean over all sites.
    """

    name: str
    left: NDArray[np.float64]
    right: NDArray[np.float64]

    @property
    def difference(self) -> NDArray[np.float64]:
        """Left minus right, (sample,): its mean is zero if the samples are right."""
        return self.left - self.right


def schwinger_dyson(model: Model, configurations: Any, temperature: float) -> tuple[Identity, Identity]:
    """Two identities, evaluated on configurations that were sampled at `temperature`.

    Parameters
    ----------
    model : Model
        Any model of the package, or a further model of discrete states.
    configurations : ndarray or DataArray, (sample, site axes...)
        As `sample` returns them.
    temperature : float

    Returns
    -------
    energy, order : Identity
        ``zm.spins.statistics.mean(identity.difference)`` is zero within its error.

    Raises
    ------
    ValueError
        For T <= 0, no samples, configurations of another lattice, or values that the model does not have.
    """
    t = one_temperature(temperature)
    x = np.asarray(configurations)
    if x.size == 0:
        raise ValueError(f"configurations of shape {x.shape} hold no samples: give at least one")
    if isinstance(model, VectorModel):
        return _together(lambda part: _vectors(model, part, t), x, 8 * model.lattice.n_sites)
    if not is_discrete(model):
        raise ValueError(f"identities are known for vector models and models of discrete states, got {model!r}")
    n = model.lattice.n_sites
    if x.ndim < 2 or x[0].size != n:
        raise ValueError(f"configurations of shape {x.shape} are not of this lattice: give (sample, {n}) or site axes")
    table = tables(model)
    states = table.states(x.reshape(len(x), n))
    return _together(lambda part: _states(model, table, part, t), states, 4 * n * table.n_states)


def _together(
    evaluate: Callable[[NDArray], tuple[Identity, Identity]], x: NDArray, numbers: int
) -> tuple[Identity, Identity]:
    """Evaluate on parts of the samples, each of which needs `numbers` numbers."""
    parts = [evaluate(part) for part in np.array_split(x, -(-len(x) * numbers // _AT_ONCE))]
    energy, order = (
        Identity(one[0].name, np.concatenate([i.left for i in one]), np.concatenate([i.right for i in one]))
        for one in zip(*parts, strict=True)
    )
    return energy, order


def _vectors(model: VectorModel, x: NDArray, t: float) -> tuple[Identity, Identity]:
    s = np.asarray(model.vectors(x), np.float64)
    h = model.coupling * s[:, model.lattice.neighbours].sum(axis=2)
    n_sites, free = s.shape[1], s.shape[2] - 1

    def tangent(v: NDArray[np.float64]) -> NDArray[np.float64]:
        return v - s * (s * v).sum(axis=-1, keepdims=True)

    total = s.sum(axis=1)
    energy = Identity(
        "energy", (tangent(h) ** 2).sum(axis=-1).mean(axis=1), free * t * (s * h).sum(axis=-1).mean(axis=1)
    )
    pull = (tangent(np.broadcast_to(total[:, None], s.shape)) * h).sum(axis=(1, 2)) / (free * t)
    return energy, Identity("order", (total**2).sum(axis=-1) / n_sites**2, (n_sites + pull) / n_sites**2)


def _states(model: Model, table: Tables, a: NDArray[np.intp], t: float) -> tuple[Identity, Identity]:
    lattice = model.lattice
    cost = table.site + _felt(table.pair, a[:, lattice.neighbours])  # (sample, site, state)
    if table.second.any():
        cost += _felt(table.second, a[:, lattice.second_neighbours])
    weight = np.exp(-(cost - cost.min(axis=-1, keepdims=True)) / t)
    weight /= weight.sum(axis=-1, keepdims=True)
    present = a[..., None]
    energy = Identity("energy", _taken(cost, present).mean(axis=1), (weight * cost).sum(axis=-1).mean(axis=1))
    vectors = table.order
    others = vectors[a].sum(axis=1, keepdims=True) - vectors[a]  # (sample, site, component)
    along = others @ vectors.T / lattice.n_sites
    return energy, Identity("order", _taken(along, present).mean(axis=1), (weight * along).sum(axis=-1).mean(axis=1))


def _felt(table: NDArray[np.float64], neighbours: NDArray[np.intp]) -> NDArray[np.float64]:
    """Energy with all neighbours (sample, site, neighbour) that each state would have: (sample, site, state)."""
    total = np.zeros((*neighbours.shape[:2], len(table)))
    for k in range(neighbours.shape[2]):
        total += table[neighbours[..., k]]
    return total


def _taken(values: NDArray[np.float64], present: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.take_along_axis(values, present, axis=-1)[..., 0]
