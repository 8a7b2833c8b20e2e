"""XY and Heisenberg: every update against rings, complete graphs, identities exact at any size, and the others."""

import math

import numpy as np
import pytest
from scipy import integrate, special

from zeeman.spins import XY, Heisenberg, chain, cubic, exact, honeycomb, square, statistics, triangular
from zeeman.spins.models import VectorModel
from zeeman.spins.moves import MOVES, start

METHODS = tuple(MOVES[VectorModel])
MODELS = (XY, Heisenberg)
SIGMA = 4.5


def run(model, method, temperature, reads, n_chains=32, stride=2, seed=0):
    """Configurations (chain, read, ...) after a burn-in as long as the run."""
    rng = np.random.default_rng([seed, METHODS.index(method)])
    chains = start(model, method, temperature, n_chains, model.starts(method)[-1], rng)
    chains.advance(max(50, reads * stride))
    out = []
    for _ in range(reads):
        chains.advance(stride)
        out.append(chains.configurations())
    return np.stack(out, axis=1)


def measured(function, x):
    """Estimate of the mean of a function of configurations (sample, ...), for (chain, read, ...)."""
    return statistics.mean(function(x.reshape(-1, *x.shape[2:])).reshape(x.shape[:2]))


def assert_equal(found, expected):
    assert abs(found.value - expected) < SIGMA * found.error, (found.value, found.error, expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(
    ("length", "coupling", "t"),
    [(2, 1.0, 1.5), (3, -1.0, 0.4), (3, 1.0, 1e-3), (4, 1.0, 0.3), (4, -1.0, 40.0), (9, 1.0, 0.7)],
)
def test_rings(kind, method, length, coupling, t):
    """A double bond, a frustrated triangle, an ice-cold one, a cold ring with its windings, a hot one, a longer one."""
    model = kind(chain(length), coupling)
    x = run(model, method, t, 300, n_chains=64)
    assert_equal(measured(model.energy, x), exact.sum_chain(model, t, length).energy)


@pytest.mark.parametrize("kind", MODELS)
def test_infinite_chain_as_on_paper(kind):
    """-I_1(K) / I_0(K) and -(coth K - 1 / K)."""
    k = 1.25
    expected = -special.iv(1, k) / special.iv(0, k) if kind is XY else -(1 / math.tanh(k) - 1 / k)
    assert exact.sum_chain(kind(chain(2)), 1 / k).energy == pytest.approx(expected, abs=1e-12)
    model = kind(chain(48))
    assert_equal(measured(model.energy, run(model, "swendsen-wang", 1 / k, 300)), expected)


def complete_graph_energy(n, coupling, t):
    """Energy per site of four spins, all pairs coupled by 2 J: E = -J (M^2 - 4), <exp(i p . M)> = f(p)^4.

    exp(J M^2 / T) is a Gaussian integral over p, real for J < 0 and imaginary for J > 0; d/dJ gives M^2.
    """
    k = abs(coupling) / t
    real, imaginary = {2: (special.i0, special.j0), 3: (lambda p: math.sinh(p) / p, lambda p: math.sin(p) / p)}[n]
    f = real if coupling > 0 else imaginary

    def moment(power):
        weight = lambda p: p ** (n - 1 + power) * math.exp(-p * p / (4 * k)) * f(p) ** 4  # noqa: E731
        return integrate.quad(weight, 1e-12, 16 * k + 24 * math.sqrt(k), limit=400)[0]

    # ln Z = ln moment(0) - n/2 ln k, so <M^2> = +- d ln Z / dk
    square_of_m = (moment(2) / moment(0) / (4 * k * k) - n / (2 * k)) * math.copysign(1, coupling)
    return -coupling * (square_of_m - 4) / 4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(("coupling", "t"), [(1.0, 3.0), (-1.0, 0.6)])
def test_complete_graph_of_double_bonds(kind, method, coupling, t):
    model = kind(triangular(2), coupling)
    x = run(model, method, t, 300, n_chains=64)
    assert_equal(measured(model.energy, x), complete_graph_energy(kind.n_components, coupling, t))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("lattice", [square(2), square(5), triangular(4), honeycomb(3), cubic(3)], ids=repr)
@pytest.mark.parametrize(("coupling", "t"), [(1.0, 1.1), (-1.0, 0.7)])
def test_identities_at_every_size(kind, method, lattice, coupling, t):
    r"""<|P h|^2> = (n - 1) T <s . h> with P h = h - s (s . h): for XY <(sum sin)^2> = T / J <sum cos>."""
    model = kind(lattice, coupling)

    def difference(x):
        s, h = model.vectors(x), model.local_field(x)
        along = (s * h).sum(axis=-1)
        return ((h**2).sum(axis=-1) - along**2 - (kind.n_components - 1) * t * along).mean(axis=1)

    assert_equal(measured(difference, run(model, method, t, 60, stride=4)), 0.0)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("lattice", [square(2), triangular(3), cubic(4)], ids=repr)
def test_identity_of_the_order(kind, lattice):
    model, t = kind(lattice), 1.5
    for identity in exact.schwinger_dyson(model, run(model, "over-relaxation", t, 60)[0], t):
        assert_equal(statistics.mean(identity.difference), 0.0)


@pytest.mark.parametrize(
    ("model", "t"),
    [
        (XY(square(8)), 0.8929), (XY(triangular(6), -1.0), 0.7), (Heisenberg(cubic(4)), 1.443),
        (Heisenberg(honeycomb(4), -1.0), 0.4),
    ],
    ids=["xy", "xy-frustrated", "heisenberg", "heisenberg-alternating"],
)  # fmt: skip
def test_every_update_agrees_with_every_other(model, t):
    """Energy, its square, and the order parameter to the second power."""
    functions = (model.energy, lambda x: model.energy(x) ** 2, lambda x: model.order(x) ** 2)
    # clusters fill a frustrated lattice, and single ones are small in number: they take their time
    strides = {"wolff": 12, "swendsen-wang": 4, "metropolis": 6}
    runs = [run(model, method, t, 250, stride=strides.get(method, 3)) for method in METHODS]
    for function in functions:
        found = [measured(function, x) for x in runs]
        weights = np.array([1 / e.error**2 for e in found])
        centre = np.average([e.value for e in found], weights=weights)
        for e in found:
            assert abs(e.value - centre) < SIGMA * math.sqrt(e.error**2 + 1 / weights.sum()), [str(e) for e in found]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("method", ["metropolis", "heat-bath", "over-relaxation"])
def test_spin_waves(kind, method):
    """T -> 0: e = -2 + (n - 1) (T / 2) (1 - 1/N), for each of N - 1 waves has T / 2; the next term is of order T^2."""
    model, t = kind(square(6)), 0.01
    found = measured(model.energy, run(model, method, t, 200, stride=4))
    free = (kind.n_components - 1) * (t / 2) * (1 - 1 / 36)
    assert abs(found.value - (-2 + free)) < SIGMA * found.error + t * free


@pytest.mark.parametrize(("kind", "t", "cumulant"), [(XY, 1 / 0.4541652, 0.586), (Heisenberg, 1 / 0.6930, 0.620)])
def test_three_dimensions_at_the_critical_point(kind, t, cumulant):
    """Binder's 1 - <m^4> / (3 <m^2>^2) on a torus of 6^3 is within 0.01 of its limit."""
    model = kind(cubic(6))
    m = model.order(run(model, "over-relaxation", t, 250).reshape(-1, 216, *model.value_axes.values()))
    assert abs(1 - (m**4).mean() / (3 * (m**2).mean() ** 2) - cumulant) < 0.015
