"""Sums over states, chains and identities: against published numbers, plain sums, one another and limits."""

import itertools
import math

import numpy as np
import pytest

from zeeman.spins import Ising, chain, cubic, exact, honeycomb, square, triangular
from zeeman.spins.models import XY, BlumeCapel, Clock, Heisenberg, Potts, StateModel, States

TC3 = 0.994972861071817

POTTS = [  # T, ln Z / N, E / N, <|m|>, <(3 rho_max - 1) / 2>, <m^2>: q = 3, 4 x 4
    (0.8, 2.585883729017, -1.920045563, 0.965568511938, 0.964106945515, 0.938329735666),
    (TC3, 2.135788008614, -1.710062276, 0.854003590030, 0.844236323943, 0.762794431467),
    (1.2, 1.868546910100, -1.386397307, 0.655264263964, 0.629242091242, 0.488968153808),
]
BLUME_CAPEL = [  # T, D, ln Z / N, E / N, <|m|>, <m^2>, <s^2>, U4: 4 x 4
    (1.0, 1.0, 1.103798609124, -0.796161732, 0.922782721403, 0.860150853184, 0.926505302712, 0.656031428567),
    (1.693559, 0.0, 1.358240832024, -1.298761842, 0.762760717868, 0.630395946425, 0.856861603458, 0.602646028356),
    (0.608577, 1.965815, 0.179422883504, 0.136765902, 0.652411444918, 0.572168211059, 0.660769072373, 0.495713381410),
]


class FavouredColour(StateModel):
    """Three colours, of which one costs less: shifting them all changes the energy."""

    def __init__(self, lattice, coupling):
        self.lattice, self.coupling = lattice, coupling

    def tables(self):
        site = [-self.coupling, 0.0, 0.0]
        return States(range(3), -self.coupling * np.eye(3), np.eye(3), site=site, involutions=[[0, 2, 1]])


@pytest.mark.parametrize(("t", "log_z", "energy", "absolute", "largest", "second"), POTTS)
def test_potts_torus(t, log_z, energy, absolute, largest, second):
    sums = exact.sum_states(Potts(square(4)), t)
    assert sums.log_z / 16 == pytest.approx(log_z, abs=1e-12)
    assert sums.energy == pytest.approx(energy, abs=1e-9)
    assert sums.absolute == pytest.approx(absolute, abs=1e-12)
    assert sums.mean(lambda share: (3 * share.max(axis=1) - 1) / 2) == pytest.approx(largest, abs=1e-12)
    assert sums.second == pytest.approx(second, abs=1e-12)


@pytest.mark.parametrize(("t", "field", "log_z", "energy", "absolute", "second", "occupied", "binder"), BLUME_CAPEL)
def test_blume_capel_torus(t, field, log_z, energy, absolute, second, occupied, binder):
    sums = exact.sum_states(BlumeCapel(square(4), 1.0, field), t)
    assert sums.log_z / 16 == pytest.approx(log_z, abs=1e-12)
    assert sums.energy == pytest.approx(energy, abs=1e-9)
    assert (sums.absolute, sums.second) == pytest.approx((absolute, second), abs=1e-12)
    assert sums.mean(lambda charge: charge[:, 1]) == pytest.approx(occupied, abs=1e-12)
    assert sums.binder == pytest.approx(binder, abs=1e-12)


MODELS = [
    Ising(triangular(3), -0.7, 0.3), Ising(honeycomb(2), 1.0), Ising(cubic(2), 1.0, 0.2),
    Ising(square(3), 0.8, 0.1, 0.5), Ising(chain(5), 1.0, 0.0, -0.6), Potts(triangular(2), 4, -0.8),
    Potts(square(3), 3), Potts(honeycomb(2), 3), BlumeCapel(cubic(2), 1.0, 0.7), Clock(square(2), 6),
    Clock(chain(5), 7, -1.0), Clock(honeycomb(2), 5),
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_sums_equal_a_plain_sum_over_configurations(model):
    """All configurations, their energies and order parameters by the model's own methods."""
    t, n = 1.1, model.lattice.n_sites
    values = {"Ising": (-1, 1), "BlumeCapel": (-1, 0, 1)}.get(type(model).__name__)
    values = np.array(range(model.n_states) if values is None else values, np.int8)
    x = values[np.stack(np.unravel_index(np.arange(len(values) ** n), (len(values),) * n), axis=1)]
    energy = model.energy(x) * n
    log = -energy / t
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    sums = exact.sum_states(model, t)
    assert sums.log_z == pytest.approx(log.max() + math.log(np.exp(log - log.max()).sum()), rel=1e-12)
    assert sums.energy == pytest.approx(weight @ energy / n, rel=1e-11)
    variance = weight @ (energy - weight @ energy) ** 2
    assert sums.specific_heat == pytest.approx(variance / n / t**2, rel=1e-9)
    short = exact.sum_states(model, t, order=False)
    for name in ("log_z", "energy", "specific_heat"):
        assert getattr(short, name) == pytest.approx(getattr(sums, name), rel=1e-10)
    order = exact.tables.tables(model).order[np.searchsorted(values, x)].mean(axis=1)
    for name, power in (("absolute", 1), ("second", 2), ("fourth", 4)):
        assert getattr(sums, name) == pytest.approx(weight @ np.linalg.norm(order, axis=1) ** power, rel=1e-10)
    if model.coupling > 0:  # antiferromagnets have a frame of their own
        np.testing.assert_allclose(np.linalg.norm(model.order_parameter(x[:500]), axis=1),
                                   np.linalg.norm(order[:500], axis=1), atol=1e-7)  # fmt: skip


@pytest.mark.parametrize("size", [4, 6, 8])
def test_sums_equal_kaufman(size):
    sums = exact.sum_states(Ising(square(size)), 2.0, order=False)
    assert sums.energy == pytest.approx(exact.ising_energy(2.0, size), abs=1e-12)
    assert sums.specific_heat == pytest.approx(exact.ising_specific_heat(2.0, size), abs=1e-10)
    assert -2.0 * sums.log_z / size**2 == pytest.approx(exact.ising_free_energy(2.0, size), abs=1e-12)


def test_sums_equal_the_gray_code():
    model = Ising(honeycomb(3), -1.0, 0.4)
    sums, counted = exact.sum_states(model, 0.9), exact.enumerate_states(model, 0.9)
    for name in ("log_z", "energy", "specific_heat", "absolute", "second", "fourth", "binder"):
        assert getattr(sums, name) == pytest.approx(getattr(counted, name), rel=1e-10)


def test_models_that_are_one_another():
    t, lattice = 0.93, square(3)
    ising, potts2 = exact.sum_states(Ising(lattice), t), exact.sum_states(Potts(lattice, 2), t / 2)
    assert potts2.second == pytest.approx(ising.second, rel=1e-12)
    clock3, potts3 = exact.sum_states(Clock(lattice, 3), 1.5 * t), exact.sum_states(Potts(lattice, 3), t)
    for name in ("absolute", "second", "fourth", "binder"):
        assert getattr(clock3, name) == pytest.approx(getattr(potts3, name), rel=1e-12)
    clock4, two = exact.sum_states(Clock(lattice, 4), t), exact.sum_states(Ising(lattice), 2 * t)
    assert clock4.energy == pytest.approx(two.energy, rel=1e-12)  # two models, each of half the energy
    assert clock4.second == pytest.approx(two.second, rel=1e-12)
    assert clock4.fourth == pytest.approx((two.fourth + two.second**2) / 2, rel=1e-12)
    full, occupied = exact.sum_states(BlumeCapel(lattice, 1.0, -60.0), t), ising
    assert full.energy + 60 == pytest.approx(occupied.energy, rel=1e-10)
    assert full.binder == pytest.approx(occupied.binder, rel=1e-10)


def test_many_clock_states_are_angles():
    """Sums over an even grid converge exponentially; on 2 x 2 sites XY is a ring of four with doubled bonds."""
    ring = exact.sum_chain(XY(chain(4), 2.0), 1.0, 4)
    for states, digits in ((10, 1e-3), (16, 1e-7), (20, 1e-9)):
        assert exact.sum_states(Clock(square(2), states), 1.0, order=False).energy == pytest.approx(
            ring.energy, abs=digits
        )


@pytest.mark.parametrize("t", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("length", [2, 5, 6])
def test_rings_equal_sums_over_states(t, length):
    lattice = chain(length)
    for model in (Ising(lattice, -1.0, 0.4), Potts(lattice, 4), BlumeCapel(lattice, 1.0, 0.6), Clock(lattice, 5, -1.0)):
        ring, sums = exact.sum_chain(model, t, length), exact.sum_states(model, t, order=False)
        assert ring.log_z * length == pytest.approx(sums.log_z, rel=1e-12)
        assert ring.energy == pytest.approx(sums.energy, rel=1e-11)
        assert ring.specific_heat == pytest.approx(sums.specific_heat, rel=1e-8)


@pytest.mark.parametrize("coupling", [1.0, -1.0])
@pytest.mark.parametrize("length", [2, 3, 4, 7, None])
def test_rings_of_angles_equal_rings_of_many_clock_states(coupling, length):
    angle, clock = (
        exact.sum_chain(model, 0.4, length) for model in (XY(chain(3), coupling), Clock(chain(3), 64, coupling))
    )
    assert clock.log_z - math.log(64) == pytest.approx(angle.log_z, abs=1e-12)
    assert clock.energy == pytest.approx(angle.energy, abs=1e-12)
    assert clock.specific_heat == pytest.approx(angle.specific_heat, abs=1e-10)
    assert clock.correlation_length == pytest.approx(angle.correlation_length, rel=1e-10)


def test_infinite_chains_in_closed_form():
    lattice = chain(2)
    for k, ising, xy, heisenberg in (
        (0.5, -0.462117157, -0.242499613, -0.163953414),
        (1.0, -0.761594156, -0.446389966, -0.313035285),
        (2.0, -0.964027580, -0.697774658, -0.537314721),
    ):
        for model, energy in ((Ising(lattice), ising), (XY(lattice), xy), (Heisenberg(lattice), heisenberg)):
            assert exact.sum_chain(model, 1 / k).energy == pytest.approx(energy, abs=1e-9)
        langevin = 1 / math.tanh(k) - 1 / k
        assert exact.sum_chain(Heisenberg(lattice), 1 / k).correlation_length == pytest.approx(-1 / math.log(langevin))
        assert exact.sum_chain(Ising(lattice), 1 / k).correlation_length == pytest.approx(-1 / math.log(math.tanh(k)))


@pytest.mark.parametrize(
    "model", [XY(chain(2)), Heisenberg(chain(2), -1.0), Potts(chain(2), 5), Ising(chain(2), 1.0, 0.2)]
)
def test_energy_and_heat_are_derivatives(model):
    for length in (3, None):

        def log_z(b, length=length):
            return exact.sum_chain(model, 1 / b, length).log_z

        b, e = 1.25, 1e-4
        sums = exact.sum_chain(model, 1 / b, length)
        assert -(log_z(b + e) - log_z(b - e)) / (2 * e) == pytest.approx(sums.energy, abs=1e-8)
        bend = (log_z(b + e) - 2 * log_z(b) + log_z(b - e)) / e**2
        assert b * b * bend == pytest.approx(sums.specific_heat, abs=1e-6)


def test_limits_of_chains():
    assert exact.sum_chain(XY(chain(2)), 1e-3).specific_heat == pytest.approx(0.5, abs=1e-3)  # one mode a site
    assert exact.sum_chain(Heisenberg(chain(2)), 1e-3).specific_heat == pytest.approx(1.0, abs=1e-3)
    assert exact.sum_chain(BlumeCapel(chain(2), 1.0, 4.0), 0.5).correlation_length < 1  # of s, not of s^2


@pytest.mark.parametrize("kind", [XY, Heisenberg])
def test_frustrated_rings_are_right_or_refused(kind):
    """Odd rings with J < 0 sum with signs; where digits are lost the sum says so. States of a clock have no signs."""
    with pytest.raises(ValueError, match=r"T = 0\.03 is too low for a ring of 3 vectors .*take a higher T"):
        exact.sum_chain(kind(chain(3), -1.0), 0.03, 3)
    with pytest.raises(ValueError, match=r"T = 0\.04 is too low"):
        exact.sum_chain(kind(chain(3), -1.0), 0.04, 3)
    assert exact.sum_chain(kind(chain(3), -1.0), 0.03, 4).energy < -0.9
    for t in (0.07, 0.1):
        angle, clock = (exact.sum_chain(model, t, 3) for model in (XY(chain(3), -1.0), Clock(chain(3), 126, -1.0)))
        assert angle.energy == pytest.approx(clock.energy, abs=1e-7)
        assert angle.specific_heat == pytest.approx(clock.specific_heat, abs=1e-4)


@pytest.mark.parametrize("t", [0.05, 0.02, 0.01, 0.001])
def test_correlations_that_do_not_decay_in_rounding_are_endless(t):
    lattice = chain(2)
    for model in (Ising(lattice), Ising(lattice, -1.0), BlumeCapel(lattice)):
        assert exact.sum_chain(model, t).correlation_length == math.inf
    for model in (Potts(lattice), Potts(lattice, 5), Clock(lattice, 4)):
        assert exact.sum_chain(model, t / 2.5).correlation_length == math.inf
    assert exact.sum_chain(BlumeCapel(lattice, 1.0, 3.0), t).correlation_length < 1  # one ground state


def test_units_of_energy_do_not_matter():
    """Tables, sums and chains in units of J, for J = 1 and J = 1e-14."""
    j = 1e-14
    for make in (
        lambda j: Ising(chain(5), j, 0.4 * j), lambda j: Clock(chain(5), 5, j),
        lambda j: BlumeCapel(chain(5), j, 0.6 * j), lambda j: FavouredColour(chain(5), j),
    ):  # fmt: skip
        assert exact.tables.tables(make(1.0)).shifts == exact.tables.tables(make(j)).shifts
        for evaluate in (
            lambda model, t: exact.sum_states(model, t, order=False),
            exact.sum_chain,
            lambda model, t: exact.sum_chain(model, t, 5),
        ):
            one, small = evaluate(make(1.0), 0.7), evaluate(make(j), 0.7 * j)
            assert small.energy / j == pytest.approx(one.energy, rel=1e-10)
            assert small.specific_heat == pytest.approx(one.specific_heat, rel=1e-8)
            assert small.log_z == pytest.approx(one.log_z, rel=1e-10)


def test_large_lattices_are_refused_before_they_are_listed():
    """The numbers of states that a site can be found with grow with its place: the first sites tell."""
    with pytest.raises(ValueError, match=r"square\(16\) with 4 states .* at site 8, and .*or order=False"):
        exact.sum_states(Potts(square(16), 4), 1.0)
    with pytest.raises(ValueError, match=r"take a smaller lattice$"):
        exact.sum_states(Potts(square(16), 4), 1.0, order=False)


def test_identities_are_exact_sum_by_sum():
    """Over all configurations, weighed by Boltzmann's law, both sides of either identity agree to rounding."""
    t = 1.3
    for model in (
        Ising(square(3), 1.0, 0.3, 0.4),
        Potts(honeycomb(2), 3),
        BlumeCapel(chain(6), 1.0, 0.5),
        Clock(chain(5), 5),
    ):
        values, n = exact.tables.tables(model).values, model.lattice.n_sites
        x = values[np.array(list(itertools.product(range(len(values)), repeat=n)))].astype(np.int8)
        weight = np.exp(-n * model.energy(x) / t)
        for identity in exact.schwinger_dyson(model, x, t):
            assert abs(weight @ identity.difference) < 1e-12 * (weight @ abs(identity.left))


@pytest.mark.parametrize("coupling", [1.0, -1.0])
def test_identities_of_vectors_by_quadrature(coupling):
    """A ring of three angles on an even grid, where sums are exact."""
    t, n = 0.9, 40
    x = 2 * math.pi / n * np.array(list(itertools.product(range(n), repeat=3)), np.float32)
    model = XY(chain(3), coupling)
    weight = np.exp(-3 * model.energy(x) / t)
    for identity in exact.schwinger_dyson(model, x, t):
        assert weight @ identity.left == pytest.approx(weight @ identity.right, rel=1e-5)
    wrong = exact.schwinger_dyson(model, x, 1.01 * t)[0]
    assert abs(weight @ wrong.difference) > 5e-3 * (weight @ wrong.left)


def test_identities_of_vectors_by_drawing():
    """A Heisenberg ring of two: s_1 . s_2 has density exp(2 K c), drawn without a chain."""
    t, rng = 1.5, np.random.default_rng(3)
    k = 2 / t
    c = 1 + np.log(rng.uniform(math.exp(-2 * k), 1, 200_000)) / k
    angle = rng.uniform(0, 2 * math.pi, len(c))
    rho = np.sqrt(1 - c * c)
    x = np.stack(
        [np.broadcast_to([0.0, 0.0, 1.0], (len(c), 3)), np.stack([rho * np.cos(angle), rho * np.sin(angle), c], 1)], 1
    )
    for identity in exact.schwinger_dyson(Heisenberg(chain(2)), x.astype(np.float32), t):
        difference = identity.difference
        assert abs(difference.mean()) < 5 * difference.std() / math.sqrt(len(c))


def test_refusals():
    with pytest.raises(ValueError, match="discrete states"):
        exact.sum_states(XY(square(3)), 1.0)
    with pytest.raises(ValueError, match="take a smaller lattice or order=False"):
        exact.sum_states(Potts(square(6)), 1.0)
    with pytest.raises(ValueError, match="use sum_states"):
        exact.enumerate_states(Ising(square(3), second_coupling=0.1), 1.0)
    with pytest.raises(TypeError, match=r"enumerated for Ising models, got Potts.*use sum_states"):
        exact.enumerate_states(Potts(square(3)), 1.0)
    for model in (Potts(square(3)), XY(square(3))):
        with pytest.raises(ValueError, match=r"shape \(0, 9\) hold no samples"):
            exact.schwinger_dyson(model, np.zeros((0, 9), np.int8), 1.0)
    with pytest.raises(ValueError, match="positive and finite"):
        exact.sum_states(Potts(square(2)), 0.0)
    with pytest.raises(ValueError, match="one number"):
        exact.sum_states(Potts(square(2)), [1.0, 2.0])
    with pytest.raises(ValueError, match="at least 2"):
        exact.sum_chain(Ising(chain(4)), 1.0, 1)
    with pytest.raises(ValueError, match="not of this lattice"):
        exact.schwinger_dyson(Potts(square(3)), np.zeros((2, 8), np.int8), 1.0)
    with pytest.raises(ValueError, match=r"hold np.int8\(5\) at \(1, 2\)"):
        exact.schwinger_dyson(Potts(chain(4)), np.array([[0, 1, 2, 0], [0, 0, 5, 0]], np.int8), 1.0)
