"""Every update of every discrete model against sums over all states, and against tables computed elsewhere."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest

from zeeman import spins
from zeeman.spins import BlumeCapel, Clock, Ising, Potts, chain, cubic, honeycomb, moves, square, triangular
from zeeman.spins.lattices import Lattice
from zeeman.spins.models import StateModel, States

METHODS = ("heat-bath", "metropolis", "swendsen-wang", "wolff", "tempering")


@dataclass(frozen=True)
class FavouredColour(StateModel):
    """Potts states of which one costs less: only the others may be exchanged, and clusters need local updates."""

    lattice: Lattice

    def tables(self):
        swaps = [[0, 2, 1, 3], [0, 1, 3, 2], [0, 3, 2, 1]]
        return States(range(4), -np.eye(4), np.eye(4), site=[-0.3, 0, 0, 0], involutions=swaps)


CASES = [  # model, temperature
    (Potts(square(3)), 1.0),
    (Potts(square(2), 5), 0.9),
    (Potts(honeycomb(2), 2), 0.7),
    (Potts(cubic(2), 3), 1.8),
    (Potts(chain(5), 10), 0.6),
    (Potts(square(3), 3, -1.0), 0.7),
    (Potts(chain(6), 4, -1.0), 0.5),
    (Potts(triangular(3), 3, -1.0), 0.8),
    (BlumeCapel(square(3), crystal_field=0.8), 1.1),
    (BlumeCapel(honeycomb(2), crystal_field=0.5), 0.9),
    (BlumeCapel(cubic(2), crystal_field=2.9), 1.2),
    (BlumeCapel(square(3), -1.0, crystal_field=0.3), 1.1),
    (BlumeCapel(triangular(2), -1.0, crystal_field=-0.5), 2.0),
    (Clock(honeycomb(2), 3), 1.0),
    (Clock(square(2), 4), 1.1),
    (Clock(chain(6), 5), 0.8),
    (Clock(cubic(2), 3), 2.0),
    (Clock(triangular(2), 6), 2.0),
    (Clock(chain(6), 6, -1.0), 0.8),
    (Clock(honeycomb(2), 3, -1.0), 0.6),
    (Clock(square(2), 5, -1.0), 0.8),
    (Clock(square(2), 31), 0.9),  # weights in two parts
    (FavouredColour(triangular(2)), 2.0),
    (FavouredColour(chain(5)), 0.7),
    (Ising(square(4), second_coupling=-0.7), 1.6),
    (Ising(square(3), -1.0, second_coupling=-0.3), 2.5),
    (Ising(square(2), second_coupling=0.5), 3.0),
    (Ising(square(3), second_coupling=0.4, field=0.2), 4.0),
    (Ising(chain(8), second_coupling=-0.4), 1.2),
    (Ising(triangular(3), second_coupling=-0.2), 3.5),
    (Ising(honeycomb(2), second_coupling=-0.4), 1.2),
    (Ising(cubic(2), -1.0, second_coupling=-0.2), 3.0),
    (Ising(square(3), field=0.3), 2.5),  # heat bath alone is not multi-spin coded
]


def every_state(model):
    values = np.asarray(model.states.values)
    n = model.lattice.n_sites
    digits = np.arange(len(values) ** n)[:, None] // len(values) ** np.arange(n) % len(values)
    return values[digits]


def moments(model, temperature):
    """Mean energy, energy^2, |order|, order^2, order^4 by summing over all states."""
    parts = [(model.energy(x), abs(model.order(x))) for x in np.array_split(every_state(model), 8)]
    energy, order = np.concatenate(parts, axis=1)
    weights = np.exp(-(energy - energy.min()) * model.lattice.n_sites / temperature)
    return np.array([(weights * v).sum() / weights.sum() for v in powers(energy, order)])


def powers(energy, order):
    return energy, energy**2, abs(order), order**2, order**4


def scores(model, temperature, method, expected, n_chains=96, reads=240, spacing=2):
    """z scores by the means of independent chains, so that no autocorrelation has to be estimated."""
    walkers = moves.start(model, method, temperature, n_chains, "random", np.random.default_rng(5))
    walkers.advance(150)
    means = np.zeros((len(expected), n_chains))
    for _ in range(reads):
        walkers.advance(spacing)
        x = walkers.configurations()
        means += powers(model.energy(x), model.order(x))
    means /= reads
    return (means.mean(axis=1) - expected) / (means.std(axis=1, ddof=1) / math.sqrt(n_chains) + 1e-12)


@pytest.mark.parametrize(("model", "temperature"), CASES, ids=lambda value: repr(value)[:80])
def test_every_update(model, temperature):
    expected = moments(model, temperature)
    tried = ["heat-bath"] if isinstance(model, Ising) and not model.second_coupling else METHODS
    for method in tried:
        if model.why_not(method) is None:
            z = scores(model, temperature, method, expected)
            assert np.abs(z).max() < 4.5, (method, z)


POTTS = {  # T: E/N, |m|, m2 of q = 3 on 4 x 4, by transfer matrices
    0.8: (-1.920045563, 0.965568511938, 0.938329735666),
    0.994972861071817: (-1.710062276, 0.854003590030, 0.762794431467),
    1.2: (-1.386397307, 0.655264263964, 0.488968153808),
}
BLUME_CAPEL = {  # T, D: E/N, |m|, m2, <s^2>, U4 on 4 x 4
    (1.0, 1.0): (-0.796161732, 0.922782721403, 0.860150853184, 0.926505302712, 0.656031428567),
    (1.693559, 0.0): (-1.298761842, 0.762760717868, 0.630395946425, 0.856861603458, 0.602646028356),
    (0.608577, 1.965815): (0.136765902, 0.652411444918, 0.572168211059, 0.660769072373, 0.495713381410),
}


def check(ds, k, n_samples, pairs):
    n = ds.attrs["effective_sample_size"][k]
    assert n > n_samples / 3
    for found, expected in pairs:
        assert abs(found.mean() - expected) < 4.5 * found.std() / math.sqrt(n)


@pytest.mark.parametrize("method", ["auto", "heat-bath", "swendsen-wang"])
def test_potts_table(method):
    model, n = Potts(square(4)), 4000
    ds = spins.sample(model, list(POTTS), n, method, seed=1, n_threads=1)
    for k, table in enumerate(POTTS.values()):
        part = ds.isel(sample=slice(n * k, n * (k + 1)))
        m = model.order(part.configuration.values)
        check(ds, k, n, zip((part.energy.values, m, m**2), table, strict=True))


@pytest.mark.parametrize("method", ["auto", "metropolis", "tempering"])
@pytest.mark.parametrize(("temperature", "field"), BLUME_CAPEL)
def test_blume_capel_table(method, temperature, field):
    model, n = BlumeCapel(square(4), crystal_field=field), 3000
    ds = spins.sample(model, temperature, n, method, seed=2, n_threads=1)
    energy, absolute, second, occupied, binder = BLUME_CAPEL[temperature, field]
    x = ds.configuration.values.reshape(n, -1).astype(float)
    m = abs(x.mean(axis=1))
    expected = (energy, absolute, second, occupied, 3 * second**2 * (1 - binder))
    check(ds, 0, n, zip((ds.energy.values, m, m**2, (x**2).mean(axis=1), m**4), expected, strict=True))


def test_four_state_clock_is_two_ising_models():
    """Energy of the 4-state clock at T is that of Ising at 2 T, Kaufman's on the torus: to 1 % of T."""
    model, t, n = Clock(square(8), 4), 1.25, 3000
    ds = spins.sample(model, t, n, seed=3, n_threads=1)
    check(ds, 0, n, [(ds.energy.values, spins.exact.ising_energy(2 * t, 8))])


@pytest.mark.parametrize("lattice", [chain(5), square(3), square(2), triangular(3), honeycomb(2), cubic(2)], ids=repr)
def test_energy_is_the_sum_over_bonds(lattice):
    """A slow, obvious double loop over sites and their neighbours, every bond halved."""
    rng = np.random.default_rng(0)
    near, next_near = lattice.neighbours, lattice.second_neighbours

    def slow(x, pair, second, site):
        total = 0.0
        for i, j in itertools.product(range(lattice.n_sites), repeat=2):
            total += 0.5 * np.count_nonzero(near[i] == j) * pair(x[i], x[j])
            total += 0.5 * np.count_nonzero(next_near[i] == j) * second(x[i], x[j])
        return (total + sum(site(a) for a in x)) / lattice.n_sites

    def none(*_):
        return 0.0

    cases = [
        (Potts(lattice, 4, 0.7), lambda a, b: -0.7 * (a == b), none, none),
        (BlumeCapel(lattice, -0.9, 0.4), lambda a, b: 0.9 * a * b, none, lambda a: 0.4 * a * a),
        (Clock(lattice, 7, 1.1), lambda a, b: -1.1 * math.cos(2 * math.pi * (a - b) / 7), none, none),
        (Ising(lattice, 0.8, 0.3, -0.5), lambda a, b: -0.8 * a * b, lambda a, b: 0.5 * a * b, lambda a: -0.3 * a),
    ]
    for model, pair, second, site in cases:
        x = model.start("random", 3, rng)
        expected = [slow(row.astype(int), pair, second, site) for row in x]
        np.testing.assert_allclose(model.energy(x), expected, atol=1e-12)
        np.testing.assert_allclose(model.energy(x.reshape(3, *lattice.shape)), expected, atol=1e-12)
