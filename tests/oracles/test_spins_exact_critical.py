"""Transition temperatures: duality and star-triangle, identities between models, and what must be refused."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest

from zeeman import spins
from zeeman.spins import Ising, chain, cubic, exact, honeycomb, square, triangular
from zeeman.spins.lattices import Lattice
from zeeman.spins.models import XY, BlumeCapel, Clock, Heisenberg, Potts, StateModel, States


def tc(model):
    return float(exact.critical_temperature(model))


@pytest.mark.parametrize(
    ("q", "t"), [(3, 0.994972861071817), (4, 0.910239226626837), (5, 0.851528361612416), (10, 0.701231567930217)]
)
def test_square_potts(q, t):
    assert tc(Potts(square(4), q)) == pytest.approx(t, rel=1e-14)
    assert tc(Potts(square(4), q, 2.0)) == pytest.approx(2 * t, rel=1e-14)
    assert exact.critical_temperature(Potts(square(4), q)).kind == ("second order" if q <= 4 else "first order")


@pytest.mark.parametrize("lattice", [square(4), triangular(4), honeycomb(4), cubic(4)])
def test_two_states_are_ising(lattice):
    ising = tc(Ising(lattice))
    assert tc(Potts(lattice, 2)) == pytest.approx(ising / 2, rel=1e-14)
    assert tc(Clock(lattice, 2)) == pytest.approx(ising, rel=1e-14)
    assert tc(Clock(lattice, 4)) == pytest.approx(ising / 2, rel=1e-14)
    assert tc(Clock(lattice, 3)) == pytest.approx(1.5 * tc(Potts(lattice, 3)), rel=1e-14)


@pytest.mark.parametrize("lattice", ["triangular", "honeycomb"])
def test_the_cubics_give_ising_at_two_states(lattice):
    v = exact.critical._POTTS[lattice](2)
    assert 2 / math.log1p(v) == pytest.approx(exact.CRITICAL_TEMPERATURE[lattice], rel=1e-14)


@pytest.mark.parametrize("q", [2, 3, 4, 5, 10])
def test_triangle_and_star_weigh_alike_at_the_transition(q):
    """Honeycomb, dual to triangular (v v* = q), becomes triangular again when its sites of one kind are summed out."""
    v, star = (exact.critical._POTTS[name](q) for name in ("triangular", "honeycomb"))
    assert v * star == pytest.approx(q, rel=1e-13)
    ratios = []
    for a in itertools.product(range(min(q, 3)), repeat=3):
        three = sum(math.prod(1 + star * (s == c) for s in a) for c in range(q))
        one = math.prod(1 + v * (x == y) for x, y in itertools.combinations(a, 2))
        ratios.append(three / one)
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-12)


def test_baxter():
    assert exact.potts_critical_energy(3) == pytest.approx(-1.577350269189626, rel=1e-14)
    assert exact.potts_critical_energy(4) == -1.5
    assert exact.potts_latent_heat(4) == 0
    assert exact.potts_latent_heat(5) == pytest.approx(0.052918757906245, rel=1e-12)
    assert exact.potts_latent_heat(10) == pytest.approx(0.696049431521910, rel=1e-12)


def test_clocks():
    assert tc(Clock(square(4), 3)) == pytest.approx(1.492459291607725, rel=1e-14)
    assert tc(Clock(square(4), 4)) == pytest.approx(1.134592657106511, rel=1e-14)
    low, high = exact.transitions(Clock(square(4), 6, -2.0))
    assert (float(low), float(high)) == (1.4028, 1.8016)
    assert (low.kind, high.error) == ("BKT", 1.2e-3)


def strip_gap(weights, circumference):
    """L / (2 pi) ln(l0 / l1) of the transfer matrix of an infinite strip: the scaling dimension x_h at criticality."""
    q = len(weights)
    rows = np.array(list(itertools.product(range(q), repeat=circumference)))
    inside = np.prod([weights[rows[:, k], rows[:, k - 1]] for k in range(circumference)], axis=0)
    across = np.ones((1, 1))
    for _ in range(circumference):
        across = np.kron(across, weights)
    root = np.sqrt(inside)
    top = np.linalg.eigvalsh(root[:, None] * across * root)[-2:]
    return circumference / (2 * math.pi) * math.log(top[1] / top[0])


@pytest.mark.parametrize(("ratio", "tolerance"), [(0.0, 4e-4), (0.5, 4e-4), (1.0, 4e-4), (1.5, 4e-4), (1.75, 2e-3)])
def test_blume_capel_scales_as_ising_at_the_recorded_temperatures(ratio, tolerance):
    """Solutions of x_h(L) = 1/8 approach the transition as L^-3; L = 4 and 5 pin it to a few parts in 1e4."""
    s = np.array([-1.0, 0.0, 1.0])
    known = tc(BlumeCapel(square(4), 1.0, ratio))

    def off(t, length):
        site = ratio * s**2 / 4  # a quarter of it at each of four bonds
        return strip_gap(np.exp((np.outer(s, s) - site[:, None] - site) / t), length) - 1 / 8

    found = []
    for length in (4, 5):
        before, t = 0.999 * known, known
        last, now = off(before, length), off(t, length)
        for _ in range(3):  # secants
            before, t = t, t - now * (t - before) / (now - last)
            last, now = now, off(t, length)
        assert abs(now) < 1e-8
        found.append(t)
    limit = (125 * found[1] - 64 * found[0]) / (125 - 64)
    assert limit == pytest.approx(known, abs=tolerance)


def test_couplings_of_three_dimensions():
    assert tc(Ising(cubic(4))) == pytest.approx(4.511523, abs=1e-6)
    assert exact.critical_temperature(Ising(cubic(4))).error == pytest.approx(1.02e-7, rel=0.01)
    assert tc(XY(cubic(4))) == pytest.approx(2.201839, abs=1e-5)
    assert tc(Heisenberg(cubic(4))) == pytest.approx(1.442995, abs=1e-5)
    assert tc(XY(square(4))) == 0.89294


def test_mirror_images_and_frustration():
    assert tc(Ising(square(4), -2.0)) == pytest.approx(2 * exact.CRITICAL_TEMPERATURE["square"])
    assert tc(Ising(honeycomb(4), -1.0)) == exact.CRITICAL_TEMPERATURE["honeycomb"]


@dataclass(frozen=True)
class OfItsOwn(StateModel):
    """A user's model."""

    lattice: Lattice

    def tables(self):
        return States([0, 1], np.eye(2), np.eye(2))


@pytest.mark.parametrize("thing", [[], square(4), Ising, "ising", spins.sample(Ising(square(2)), 3.0, 4, seed=0)])
def test_what_is_no_model_is_refused_with_the_way_to_one(thing):
    for find in (exact.critical_temperature, exact.transitions):
        with pytest.raises(TypeError, match=r"model must be a spin model such as .*got .*zm\.critical_temperature"):
            find(thing)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Ising(square(4), field=0.1), "in a field"),
        (Ising(square(4), 0.0), "do not interact"),
        (Ising(triangular(4), -1.0), "frustrated"),
        (Ising(chain(4)), "no transition at T > 0"),
        (Potts(square(4), 3, -1.0), "antiferromagnet"),
        (Potts(cubic(4), 4), "q = 2 and 3"),
        (BlumeCapel(square(4), 1.0, 0.3), "recorded are 0, 0.5"),
        (BlumeCapel(triangular(4)), "on the square lattice"),
        (Clock(square(4), 7), "n_states = 7"),
        (Clock(square(4), 5, -1.0), "odd"),
        (XY(honeycomb(4)), "square and cubic"),
        (XY(chain(4)), "no transition at T > 0"),
        (Heisenberg(square(4)), "Mermin"),
        (Heisenberg(triangular(4), -1.0), "frustrated"),
        (Ising(square(4), 0.0, second_coupling=1.0), "second neighbours"),
        (OfItsOwn(chain(4)), "no transition at T > 0"),
        (OfItsOwn(square(4)), "recorded for OfItsOwn; recorded are Ising"),
    ],
)
def test_refusals_say_why(model, reason):
    with pytest.raises(ValueError, match=reason):
        exact.critical_temperature(model)


@pytest.mark.parametrize(
    ("model", "known"),
    [
        (Ising(chain(4)), True),
        (OfItsOwn(chain(4)), True),
        (XY(chain(4), -1.0), True),
        (Heisenberg(honeycomb(4)), True),
        (Ising(triangular(4), -1.0), True),
        (Clock(triangular(4), 4, -1.0), True),
        (Ising(square(4), field=0.1), True),
        (BlumeCapel(square(4), 0.0), True),
        (BlumeCapel(square(4), crystal_field=2.1), True),
        (BlumeCapel(square(4), crystal_field=1.99), False),
        (Ising(square(4), -1.0, field=0.1), False),  # orders in small fields
        (Ising(square(4), 1.0, 0.1, -1.0), False),
        (Ising(square(4), 0.0, second_coupling=1.0), False),  # two lattices that do not see one another
        (Heisenberg(triangular(4), -1.0), False),  # vortices of its own kind may unbind
        (XY(honeycomb(4)), False),
        (OfItsOwn(square(4)), False),
    ],
)
def test_no_transition_and_none_recorded_are_told_apart(model, known):
    with pytest.raises(ValueError, match=r".") as refused:
        exact.transitions(model)
    assert isinstance(refused.value, exact.NoTransition) == known
