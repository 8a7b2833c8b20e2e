"""What `auto` weighs: costs that count what an update touches, and the least of them."""

import numpy as np
import pytest

from zeeman.spins import (
    XY,
    BlumeCapel,
    Clock,
    Heisenberg,
    Ising,
    Potts,
    chain,
    exact,
    pilots,
    sample,
    square,
    triangular,
)  # fmt: skip
from zeeman.spins.moves import moves_of
from zeeman.spins.moves.chains import cost_of
from zeeman.spins.pilots import Pilot, choose_method, run_pilot, schedule


def test_a_step_of_wolff_costs_its_clusters():
    """A cluster grown from a random site holds N <m^2> sites in the mean: U. Wolff, PRL 62, 361 (1989)."""
    for t in (1.5, 2.5, 4.0):
        model = Ising(square(4))
        pilot = run_pilot(model, "wolff", t, np.random.default_rng(0))
        assert pilot.equilibrated
        expected = model.lattice.n_sites * exact.sum_states(model, t).second
        assert pilot.step_cost / cost_of(moves_of(model)["wolff"]).site == pytest.approx(expected, rel=0.08)


def test_local_sweeps_beside_clusters_are_paid_for():
    """Swendsen-Wang of Blume-Capel makes four sweeps of heat bath after its clusters, Wolff one."""
    model = BlumeCapel(square(4), crystal_field=1.0)
    all_clusters, one = (run_pilot(model, name, 2.0, np.random.default_rng(1)) for name in ("swendsen-wang", "wolff"))
    assert all_clusters.step_cost == pytest.approx((22.0 + 3 + 4 * 6) * 16)
    assert (34.0 + (3 + 6) * 16) < one.step_cost < (34.0 + 3 + 6) * 16


@pytest.mark.parametrize(
    ("tau", "chosen", "piloted"),
    [
        ({"heat-bath": 90.0, "swendsen-wang": 2.5, "wolff": 4.6}, "wolff", 3),
        ({"heat-bath": 90.0, "swendsen-wang": 2.5, "wolff": 20.0}, "swendsen-wang", 3),
        ({"heat-bath": 20.0, "swendsen-wang": 2.5, "wolff": 20.0}, "heat-bath", 3),
        ({"heat-bath": 20.0, "swendsen-wang": 40.0}, "heat-bath", 2),  # not near: no pilot is spent on single clusters
        ({"heat-bath": 0.5}, "heat-bath", 1),
    ],
)
def test_the_cheapest_of_the_pilots_is_taken(tau, chosen, piloted):
    model, made = BlumeCapel(square(32), crystal_field=1.0), []
    steps = {"heat-bath": 4e3, "swendsen-wang": 5e4, "wolff": 2e4}

    def pilot(name):
        update = cost_of(moves_of(model)[name])
        made.append(Pilot(name, tau[name], tau[name], 0, 0.0, True, steps[name], update))
        return made[-1]

    found = choose_method(model, 2000, pilot)
    assert len(made) == piloted
    assert found.method == chosen
    costs = [one.cost(*schedule(one.update, 2000)) for one in made]
    assert found.cost(*schedule(found.update, 2000)) == min(costs)


@pytest.mark.parametrize(("patience", "equilibrated", "before"), [(1, False, 288), (4, True, 672)])
def test_a_window_that_is_only_too_short_gets_more_steps(monkeypatch, patience, equilibrated, before):
    """Near T_c a pilot that stops where its steps are spent would condemn chains that are in equilibrium."""
    monkeypatch.setattr(pilots, "_MOST_STEPS", 768)
    monkeypatch.setattr(pilots, "_PATIENCE", patience)
    pilot = run_pilot(Ising(square(32)), "metropolis", 2.32, np.random.default_rng(0))
    assert (pilot.equilibrated, pilot.before) == (equilibrated, before)
    assert 25 < pilot.tau < 50
    assert pilot.z < 4.5


@pytest.mark.parametrize(
    ("make", "t", "method"),
    [
        (lambda j: XY(square(6), j), 0.8, "over-relaxation"),
        (lambda j: Heisenberg(triangular(4), -j), 0.6, "over-relaxation"),
        (lambda j: Potts(square(6), 3, -j), 0.5, "heat-bath"),
        (lambda j: BlumeCapel(square(6), j, 0.5 * j), 0.6, "auto"),
        (lambda j: Ising(square(8), j, second_coupling=-0.7 * j), 0.9, "heat-bath"),
        (lambda j: Ising(square(6), -j, 0.5 * j), 1.0, "auto"),
    ],
)  # fmt: skip
def test_units_of_energy_do_not_matter(make, t, method):
    """J = 2^-47, about 7e-15: a power of two, so that every number is the same but for its exponent."""
    j = 2.0**-47
    one, small = (sample(make(unit), unit * t, 70, method, seed=5, n_threads=1) for unit in (1.0, j))
    np.testing.assert_array_equal(one.configuration.values, small.configuration.values)
    np.testing.assert_array_equal(one.energy.values, small.energy.values / j)
    for name in ("method", "autocorrelation_time", "equilibrated", "equilibration_z"):
        assert one.attrs[name] == small.attrs[name], name


def test_ordered_states_are_found_in_any_unit():
    for make in (
        lambda j: Potts(square(6), 3, -j), lambda j: Clock(triangular(6), 6, -j), lambda j: BlumeCapel(chain(6), j, j),
        lambda j: Ising(square(8), j, second_coupling=-0.7 * j),
    ):  # fmt: skip
        one, *others = (make(j).best for j in (1.0, 1e-14, 1e14))
        for other in others:
            np.testing.assert_array_equal(one.states, other.states)
            assert (one.frustrated, one.degenerate) == (other.frustrated, other.degenerate)


def test_chains_that_start_apart_are_told_apart_in_any_unit():
    """Two starts that never meet, energies of 1e-14: the pilot must not take the difference for rounding."""
    series = np.random.default_rng(0).normal(size=(2, 2, 12, 96)) + np.arange(2)[:, None, None, None]
    for unit in (1.0, 1e-14):
        assert pilots._worst_z(unit * series) == pytest.approx(pilots._worst_z(series))
        assert pilots._worst_z(unit * series) > 20
    assert pilots._worst_z(np.zeros((2, 2, 12, 96))) == 0
    assert pilots._worst_z(np.full((1, 2, 12, 96), 0.1)) == 0
