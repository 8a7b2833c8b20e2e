"""Order on every torus: its waves close, so that it has the lattice's translations, and say what is ordered."""

import math

import numpy as np
import pytest

from zeeman import spins
from zeeman.spins import (
    XY,
    BlumeCapel,
    Clock,
    Heisenberg,
    Ising,
    Potts,
    chain,
    cubic,
    honeycomb,
    observables,
    square,
    triangular,
)
from zeeman.spins.models.waves import nearest_waves

LATTICES = [
    chain(6), chain(5), square(4), square(3), triangular(2), triangular(3), triangular(4), triangular(5),
    honeycomb(2), honeycomb(3), cubic(4), cubic(3),
]  # fmt: skip
MODELS = {
    "ising": lambda lattice, j: Ising(lattice, j),
    "field": lambda lattice, j: Ising(lattice, j, 0.5),
    "J2": lambda lattice, j: Ising(lattice, j, 0.0, -0.8),
    "potts": lambda lattice, j: Potts(lattice, 3, j),
    "capel": lambda lattice, j: BlumeCapel(lattice, j, 0.5),
    "clock": lambda lattice, j: Clock(lattice, 6, j),
    "xy": lambda lattice, j: XY(lattice, j),
    "heisenberg": lambda lattice, j: Heisenberg(lattice, j),
}
# two cells a side have no second neighbours: a site would be its own
every_model = pytest.mark.parametrize(
    ("make", "lattice"),
    [
        pytest.param(make, lattice, id=f"{name}-{lattice!r}")
        for name, make in MODELS.items()
        for lattice in LATTICES
        if name != "J2" or lattice.shape[0] > 2
    ],
)
both_signs = pytest.mark.parametrize("coupling", [1.0, -1.0])


@every_model
@both_signs
def test_order_does_not_see_where_the_first_site_is(make, lattice, coupling):
    model = make(lattice, coupling)
    x = model.start("random", 4, np.random.default_rng(0)).reshape(4, *lattice.shape, *model.value_axes.values())
    space = [1 + k for k, axis in enumerate(lattice.axes) if axis != "sublattice"]
    for axis in space:
        shifted = np.roll(x, 1, axis)
        np.testing.assert_allclose(np.abs(model.order(shifted)), np.abs(model.order(x)), atol=1e-6)


@every_model
@both_signs
def test_structure_at_the_order_is_the_order_parameter_squared(make, lattice, coupling):
    """S = N (size m)^2, and sum_k P(k) S(k) of the whole structure factor, P the Fourier weights of the waves."""
    model = make(lattice, coupling)
    x = model.start("random", 4, np.random.default_rng(1)).reshape(4, *lattice.shape, *model.value_axes.values())
    peak, _ = observables.peak_structure(x, model)
    normed = hasattr(model, "states") and (not isinstance(model, Ising) or model.second_coupling)
    size = model.best.size(model.states.vectors) if normed else 1.0
    np.testing.assert_allclose(peak, lattice.n_sites * (size * model.order(x)) ** 2, rtol=1e-5, atol=1e-9)
    if lattice.name == "honeycomb":  # wave vectors of its cells are not all there are
        return
    amplitudes = np.fft.fftn(model.waves().reshape(-1, *lattice.shape), axes=range(1, 1 + len(lattice.shape)))
    weights = (np.abs(amplitudes) ** 2).sum(axis=0) / lattice.n_sites**2
    everywhere = observables.structure_factor(x, model)
    np.testing.assert_allclose(peak, (everywhere * weights).reshape(4, -1).sum(axis=1), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("kind", [XY, Heisenberg])
@pytest.mark.parametrize(
    "lattice", [*map(chain, (5, 7)), square(3), square(7), cubic(3), *map(triangular, (2, 4, 5, 7, 8, 10))], ids=repr
)
def test_antiferromagnets_start_from_ground_states_on_tori_that_their_order_does_not_fit(kind, lattice):
    """No configuration of unit vectors is below the lowest eigenvalue of the couplings, |J| min_k sum_d cos(k . d)."""
    model = kind(lattice, -1.0)
    x = model.start("ordered", 20, np.random.default_rng(2))
    bonds = np.zeros((lattice.n_sites, lattice.n_sites))
    np.add.at(bonds, (np.repeat(np.arange(lattice.n_sites), lattice.coordination), lattice.neighbours.ravel()), 0.5)
    np.testing.assert_allclose(model.energy(x), np.linalg.eigvalsh(bonds)[0], atol=1e-5)
    np.testing.assert_allclose(model.order(x), 1.0, atol=1e-5)
    parts = np.linalg.norm(model.order_parameter(x).reshape(len(x), -1, kind.n_components), axis=2)
    assert (parts.max(axis=0) > 0.5).all()  # every wave was drawn


def test_three_waves_stand_round_a_corner_of_the_brillouin_zone():
    """120 degrees turn the three nearest waves into one another, wherever L is no multiple of 3; else there is one."""
    for length in range(3, 12):
        waves = nearest_waves(triangular(length), [1 / 3, -1 / 3])
        assert len(waves) == (3 if length % 3 else 1)
        np.testing.assert_allclose([(wave**2).mean() for wave in waves], 1 / 2, atol=1e-12)
    up_up_down = np.where((np.subtract(*np.indices((9, 9))) % 3) == 2, -1, 1)[None]
    assert Ising(triangular(9), -1.0).order(up_up_down)[0] == pytest.approx(2 / 3)
    assert observables.three_sublattice_order(up_up_down)[0] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"do not fit 4 x 4 sites: take lengths .* or model\.order"):
        observables.three_sublattice_order(np.ones((2, 4, 4)))


def test_nearby_waves_see_nearly_the_same_order():
    """Large up-up-down tori with a defect line: their order approaches that of the torus that fits."""
    sizes = []
    for length in (31, 61):
        x = np.where((np.subtract(*np.indices((length, length))) % 3) == 2, -1, 1)[None]
        sizes.append(float(Ising(triangular(length), -1.0).order(x)[0]))
    # one wave has sin(pi / 3) / (pi / 3) of the amplitude along each of the two axes it misses, the others less
    assert sizes[0] == pytest.approx(sizes[1], rel=2e-3)
    assert 0.5 * 2 / 3 < sizes[1] < 2 / 3


@pytest.mark.parametrize("model", [Ising(triangular(4), -1.0), XY(triangular(4), -1.0), Clock(triangular(4), 6, -1.0)])
def test_sampling_and_measuring_go_on_where_the_order_does_not_fit(model):
    data = spins.sample(model, 2.0, 300, seed=0, n_threads=1)
    assert data.attrs["equilibrated"] == [1]
    table = spins.measure(data)
    assert math.isfinite(float(table.binder[0]))
    assert float(table.susceptibility[0]) > 0


def test_three_state_clocks_are_told_what_potts_states_are():
    """cos = 3/2 delta - 1/2: in space both order at once, so both starts must agree."""
    for lattice in (square(4), triangular(6), honeycomb(4), cubic(4)):
        for coupling in (1.0, -1.0):
            clock, potts = Clock(lattice, 3, coupling), Potts(lattice, 3, 1.5 * coupling)
            assert clock.metastable == potts.metastable == (lattice.name == "cubic" and coupling > 0)
            for method in ("heat-bath", "metropolis", "swendsen-wang", "tempering"):
                assert clock.starts(method) == potts.starts(method)
    assert not Clock(cubic(4), 6).metastable
