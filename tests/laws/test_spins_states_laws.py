"""Laws of discrete models: symmetries, identities between models, exact conditionals, starts, seeds, refusals."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from zeeman import spins
from zeeman.spins import BlumeCapel, Clock, Heisenberg, Ising, Potts, chain, cubic, honeycomb, moves, square, triangular
from zeeman.spins.models import StateModel, States
from zeeman.spins.models.symmetries import moved
from zeeman.spins.moves.states import conditional_weights

LATTICES = [chain(8), square(4), square(3), triangular(3), triangular(4), honeycomb(2), cubic(4)]
MODELS = [
    lambda lattice: Potts(lattice, 4),
    lambda lattice: Potts(lattice, 3, -1.0),
    lambda lattice: BlumeCapel(lattice, crystal_field=0.7),
    lambda lattice: BlumeCapel(lattice, -1.0, crystal_field=0.2),
    lambda lattice: Clock(lattice, 5, -0.8),
    lambda lattice: Clock(lattice, 6),
    lambda lattice: Ising(lattice, second_coupling=-0.6),
]


@pytest.mark.parametrize("lattice", [chain(5), square(4), triangular(4), honeycomb(3), cubic(3)], ids=repr)
def test_second_neighbours_are_mutual_and_listed_once(lattice):
    n = lattice.n_sites
    touch, listed = np.zeros((2, n, n), int)
    near = lattice.second_neighbours
    np.add.at(touch, (np.repeat(np.arange(n), near.shape[1]), near.ravel()), 1)
    bonds = lattice.second_bonds_of
    np.add.at(listed, (np.repeat(np.arange(n), bonds.shape[1]), bonds.ravel()), 1)
    assert (touch == touch.T).all()
    assert not touch.diagonal().any()
    assert (listed + listed.T == touch).all()


@pytest.mark.parametrize("lattice", [square(6), triangular(6), honeycomb(5), cubic(5), chain(7)], ids=repr)
def test_second_neighbours_are_two_steps_away_and_no_neighbours(lattice):
    near = lattice.neighbours
    for i, seconds in enumerate(lattice.second_neighbours):
        assert set(seconds) <= set(near[near[i]].ravel())
        assert not set(seconds) & {i, *near[i]}


def test_a_chain_of_two_has_no_second_neighbours():
    with pytest.raises(ValueError, match="longer lattice"):
        Ising(chain(2), second_coupling=0.1).energy(np.ones((1, 2), np.int8))


@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
@pytest.mark.parametrize("make", MODELS)
def test_symmetry_leaves_energy_and_order(lattice, make):
    model, rng = make(lattice), np.random.default_rng(0)
    x = model.start("random", 20, rng)
    turned = model.turn(x, rng)
    assert (turned != x).any()
    np.testing.assert_allclose(model.energy(turned), model.energy(x), atol=1e-12)
    np.testing.assert_allclose(model.order(turned), model.order(x), atol=1e-12)


@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
@pytest.mark.parametrize("make", MODELS)
def test_local_field_is_the_cost_of_a_change(lattice, make):
    model = make(lattice)
    x = model.start("random", 1, np.random.default_rng(1))
    states, field = model.states_of(x)[0], model.local_field(x)[0]
    if isinstance(model, Ising):
        field = np.stack([-field, field], axis=1)
    values = np.asarray(model.states.values)
    for site in (0, lattice.n_sites // 2, lattice.n_sites - 1):
        changed = x.repeat(len(values), axis=0)
        changed[:, site] = values
        cost = (model.energy(changed) - model.energy(x)) * lattice.n_sites
        np.testing.assert_allclose(cost, field[site, states[site]] - field[site], atol=1e-10)


def test_ordered_starts_are_ground_states():
    rng = np.random.default_rng(2)
    for model, least in [
        (Potts(honeycomb(4), 5), -1.5),
        (Potts(square(4), 3, -1.0), 0.0),
        (Potts(triangular(6), 3, -1.0), 0.0),
        (Clock(cubic(4), 6), -3.0),
        (Clock(square(4), 5, -1.0), -2 * math.cos(math.pi / 5)),
        (BlumeCapel(triangular(4), crystal_field=1.0), -2.0),
        (BlumeCapel(square(4), crystal_field=2.5), 0.0),
        (Ising(square(4), second_coupling=-0.7), -1.4),  # rows, 2 J2
        (Ising(square(4), -1.0, second_coupling=-0.4), -1.2),  # alternating
        (Ising(square(4), second_coupling=0.4), -2.8),
        (Ising(chain(8), second_coupling=-0.7), -0.7),  # two up, two down
        (Ising(triangular(4), -1.0, second_coupling=-0.5), -1.5),  # rows
        (Ising(honeycomb(4), second_coupling=-1.0), -1.5),  # rows
        (Ising(cubic(4), -1.0, second_coupling=-1.0), -3.0),  # alternating along two axes, -|J1| - 2 |J2|
        (BlumeCapel(square(5), -1.0), -1.2),  # a defect in every row and every column
        (Potts(cubic(3), 2, -1.0), 1.0),  # one bond of three in every ring
    ]:
        x = model.start("ordered", 30, rng)
        np.testing.assert_allclose(model.energy(x), least, atol=1e-12)
        if not isinstance(model, BlumeCapel) or model.crystal_field < 2:
            assert len(np.unique(x, axis=0)) > 1  # all of them, not one


@pytest.mark.parametrize("lattice", [triangular(4), honeycomb(4), cubic(4)], ids=repr)
def test_rows_run_in_three_directions(lattice):
    model = Ising(lattice, -1.0 if lattice.name == "triangular" else 1.0, second_coupling=-0.8)
    x = model.start("ordered", 60, np.random.default_rng(5))
    np.testing.assert_allclose(model.energy(x), model.energy(x)[0], atol=1e-12)
    np.testing.assert_allclose(model.order(x), 1.0, atol=1e-12)
    m = model.order_parameter(x)
    assert m.shape == (60, 3)
    assert (np.abs(m).max(axis=0) > 0.99).all()  # every direction was drawn


def test_heat_bath_of_ising_is_as_local_as_metropolis():
    """A random start would freeze in stripes below the transition: tau of 341 sweeps at T = 1.5."""
    for model in (Ising(square(8)), Ising(square(8), -1.0, 0.3), Ising(square(8), field=0.3), Ising(square(5), -1.0)):
        assert model.starts("heat-bath") == model.starts("metropolis")
    assert Ising(square(8)).starts("heat-bath") == ("ordered",)


def test_starts_are_honest():
    for model in (Potts(square(8)), BlumeCapel(square(8)), Clock(square(8)), Ising(square(8), second_coupling=0.2)):
        assert model.starts("heat-bath") == ("ordered",)
        assert model.starts("swendsen-wang") == ("ordered", "random")
    coexisting = Potts(square(8), 10), Potts(cubic(4)), BlumeCapel(square(8), crystal_field=1.96)
    free = Potts(square(8), 3, -1.0), Clock(square(8), 5, -1.0)
    frustrated = Ising(square(8), second_coupling=-0.3), Clock(triangular(6), 6, -1.0), Potts(square(5), 2, -1.0)
    for model in (*coexisting, *free, *frustrated, Ising(square(8), field=0.1, second_coupling=0.1)):
        assert model.starts("heat-bath") == ("ordered", "random"), model


@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
def test_symmetries_of_the_lattice_keep_every_bond(lattice):
    rng = np.random.default_rng(6)
    model = Ising(lattice, 0.8, 0.3, -0.6)
    x = model.start("random", 200, rng)
    np.testing.assert_allclose(model.energy(moved(x, lattice, rng)), model.energy(x), atol=1e-12)
    one = np.zeros((2000, lattice.n_sites), np.int8)
    one[:, 0] = 1
    site = moved(one, lattice, rng).argmax(axis=1)
    assert np.bincount(site, minlength=lattice.n_sites).min() > 0  # every site is reached
    vectors = Heisenberg(lattice, -1.0)
    s = vectors.start("random", 20, rng).reshape(20, *lattice.shape, 3)
    np.testing.assert_allclose(vectors.energy(moved(s, lattice, rng)), vectors.energy(s), atol=1e-6)


def test_what_the_lattice_connects_and_symmetries_of_states_do_not():
    together = (
        Ising(square(8)), Ising(square(8), field=0.3), Ising(square(8), -1.0), Ising(cubic(4), second_coupling=0.1),
        Potts(square(8), 8), BlumeCapel(square(8), -1.0), Clock(triangular(6), 6, -1.0), Potts(triangular(6), 3, -1.0),
    )  # fmt: skip
    divided = (
        Ising(square(8), -1.0, 0.3), Ising(honeycomb(3), -1.0, 0.3), Ising(triangular(6), -1.0, 2.0),
        Ising(square(8), second_coupling=-0.7), Potts(cubic(4), 3, -1.0),
    )  # fmt: skip
    assert [model.divided for model in together] == [False] * len(together)
    assert [model.divided for model in divided] == [True] * len(divided)


def test_order_parameter_has_size_one_in_the_ordered_state():
    rng = np.random.default_rng(3)
    for lattice in (square(4), cubic(4), triangular(6)):
        for model in (Potts(lattice, 5), Clock(lattice, 7), BlumeCapel(lattice), Potts(lattice, 3, -1.0)):
            if not model.competing:
                np.testing.assert_allclose(model.order(model.start("ordered", 20, rng)), 1.0, atol=1e-12)
    assert Potts(square(4), 5).order_parameter(np.zeros((2, 16), np.int8)).shape == (2, 4)
    assert Clock(square(4), 5).order_parameter(np.zeros((2, 16), np.int8)).shape == (2, 2)


@pytest.mark.parametrize("q", [2, 3, 7])
def test_potts_vectors_are_a_regular_simplex(q):
    v = Potts(square(2), q).states.vectors
    np.testing.assert_allclose(v @ v.T, (q * np.eye(q) - 1) / (q - 1), atol=1e-12)


def test_identities_between_models():
    lattice, rng = square(4), np.random.default_rng(4)
    x = Potts(lattice, 3).start("random", 50, rng)
    # delta = (1 + 2 cos(2 pi / 3 (a - b))) / 3
    np.testing.assert_allclose(Clock(lattice, 3).energy(x), 1.5 * Potts(lattice, 3).energy(x) + 1, atol=1e-12)
    x = Potts(lattice, 2).start("random", 50, rng)
    ising = Ising(lattice).energy(2 * x - 1)
    np.testing.assert_allclose(Potts(lattice, 2).energy(x), ising / 2 - 1, atol=1e-12)
    np.testing.assert_allclose(Clock(lattice, 2).energy(x), ising, atol=1e-12)
    np.testing.assert_allclose(Clock(lattice, 2).order_parameter(x), -Ising(lattice).order_parameter(2 * x - 1))
    np.testing.assert_allclose(BlumeCapel(lattice, crystal_field=0.3).energy(2 * x - 1), ising + 0.3, atol=1e-12)
    # one sublattice turned by half a circle: J changes its sign, J2 does not
    x = Clock(lattice, 6).start("random", 50, rng)
    half = np.where(lattice.checkerboard > 0, 0, 3)
    np.testing.assert_allclose(Clock(lattice, 6, -1.0).energy((x + half) % 6), Clock(lattice, 6).energy(x), atol=1e-12)
    x = Ising(lattice).start("random", 50, rng)
    mirrored = Ising(lattice, -1.0, second_coupling=0.4).energy(x * lattice.checkerboard)
    np.testing.assert_allclose(mirrored, Ising(lattice, second_coupling=0.4).energy(x), atol=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        Potts(square(4), 3), Potts(cubic(3), 12), BlumeCapel(cubic(3), crystal_field=0.4), Clock(triangular(4), 6),
        Clock(square(4), 100), Ising(cubic(3), field=0.2, second_coupling=-0.3), Ising(square(4), field=0.1),
    ],
    ids=repr,
)  # fmt: skip
def test_conditional_weights_are_boltzmanns(model):
    """The table, or the product of its parts, gives the conditional distribution of a site in any neighbourhood."""
    temperature = 0.9
    digits, first, offsets, table = conditional_weights(model, temperature)
    near, _ = model.reach
    x = model.start("random", 4, np.random.default_rng(5))
    states, field = model.states_of(x), model.local_field(x)
    if isinstance(model, Ising):
        field = np.stack([-field, field], axis=-1)
    for sample in range(4):
        for site in range(0, model.lattice.n_sites, 5):
            weight = 1.0
            for part, offset in enumerate(offsets):
                columns = slice(first[part], first[part + 1])
                weight = weight * table[offset + digits[columns] @ states[sample, near[site, columns]].astype(int)]
            expected = np.exp(field[sample, site] / temperature)
            np.testing.assert_allclose(weight / weight.sum(), expected / expected.sum(), rtol=1e-10)


def test_weights_do_not_underflow_at_low_temperature():
    _, _, offsets, table = conditional_weights(Clock(cubic(3), 40), 1e-3)
    assert (table.min() ** len(offsets)) > 0


@pytest.mark.parametrize("method", ["heat-bath", "metropolis", "swendsen-wang", "wolff", "tempering", "auto"])
@pytest.mark.parametrize(
    "model", [Potts(square(4)), BlumeCapel(square(4)), Clock(square(4), 5), Ising(square(4), second_coupling=-0.2)]
)
def test_threads_do_not_change_a_bit(model, method):
    temperatures = [1.5, 3.0]
    draw = [spins.sample(model, temperatures, 150, method, seed=7, n_threads=n) for n in (1, 3)]
    assert draw[0].identical(draw[1])
    other = spins.sample(model, temperatures, 150, method, seed=8, n_threads=1)
    assert (other.configuration.values != draw[0].configuration.values).any()


def test_chains_draw_their_own_numbers():
    for method in ("heat-bath", "metropolis", "swendsen-wang", "wolff"):
        walkers = moves.start(Potts(square(4), 4), method, 5.0, 40, "ordered", np.random.default_rng(0))
        walkers.advance(8)
        assert len(np.unique(walkers.configurations(), axis=0)) == 40, method


def test_data_set_says_what_was_sampled():
    ds = spins.sample(Clock(honeycomb(2), 5, coupling=0.5), [0.4, 2.0], 12, seed=0)
    assert ds.configuration.dims == ("sample", "x", "y", "sublattice")
    assert ds.configuration.dtype == np.int8
    assert set(np.unique(ds.configuration)) <= set(range(5))
    assert ds.attrs["model"] == "Clock"
    assert (ds.attrs["n_states"], ds.attrs["coupling"]) == (5, 0.5)
    ds = spins.sample(BlumeCapel(square(3), crystal_field=0.5), 1.0, 12, seed=0)
    assert set(np.unique(ds.configuration)) <= {-1, 0, 1}
    assert ds.attrs["crystal_field"] == 0.5
    assert ds.attrs["method"][0] in ("heat-bath", "swendsen-wang")
    ds = spins.sample(Ising(square(3), second_coupling=0.5), 4.0, 12, seed=0)
    assert ds.attrs["second_coupling"] == 0.5


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Potts(square(4), 1), ValueError, "n_states"),
        (
            lambda: Potts(square(4), 128),
            ValueError,
            "n_states must be at most 127, got 128: a state is kept in a signed",
        ),
        (lambda: Clock(square(4), 128), ValueError, "n_states must be at most 127, got 128"),
        (lambda: States(range(128), np.eye(128), np.eye(128)), ValueError, "number of values must be at most 127"),
        (lambda: States([0.5, 1.5], np.eye(2), np.eye(2)), ValueError, r"got 0\.5 at \[0\]; number the states"),
        (lambda: States([0, 200], np.eye(2), np.eye(2)), ValueError, r"-128 to 127, got 200 at \[1\]"),
        (lambda: States(["a", "b"], np.eye(2), np.eye(2)), TypeError, "values must hold numbers"),
        (lambda: States([0, 1], np.eye(2), np.eye(2), involutions=[[1.5, 0.5]]), ValueError, r"got 1\.5 at \[0, 0\]"),
        (lambda: States([0, 1], np.eye(2), np.eye(2), involutions=[[2, 0]]), ValueError, "from 0 to 1, got 2"),
        (lambda: Potts(square(4), 2.5), TypeError, "n_states"),
        (lambda: Potts(4), TypeError, "lattice"),
        (lambda: Clock(square(4), coupling=float("nan")), ValueError, "coupling"),
        (lambda: BlumeCapel(square(4), crystal_field="1"), TypeError, "crystal_field"),
        (lambda: Ising(square(4), second_coupling=float("inf")), ValueError, "second_coupling"),
        (lambda: Potts(square(4)).energy(np.full((1, 16), 3, np.int8)), ValueError, r"value 3 at \[0, 0\]"),
        (lambda: Potts(square(4)).energy(np.full((1, 16), 0.5)), ValueError, "no state"),
        (lambda: Potts(square(4)).energy(np.full((1, 16), 256)), ValueError, "no state"),
        (lambda: Potts(square(4)).energy(np.zeros((2, 3, 3))), ValueError, "not of this lattice"),
        (lambda: States([0, 1], [[0, 1], [2, 0]], [[0], [1]]), ValueError, "symmetric"),
        (lambda: States([0, 1], [[0, 1], [1, 0]], [[0], [1]], site=[0, 1], involutions=[[1, 0]]), ValueError, "unchan"),
        (lambda: States([0, 1], [[0, 9e-14], [9e-14, 1e-14]], [[0], [1]], involutions=[[1, 0]]), ValueError, "unchan"),
        (lambda: States([0, 1], [[0, 1, 2]], [[0], [1]]), ValueError, "bond must have shape"),
        (lambda: States([0, 0], [[0, 1], [1, 0]], [[0], [1]]), ValueError, "differ"),
        (lambda: States(range(3), -np.eye(3), np.eye(3), involutions=[[1, 2, 0]]), ValueError, "own inverse"),
        (lambda: spins.sample(Potts(square(4)), 1.0, 4, "over-relaxation"), ValueError, "Potts has no such update"),
        (
            lambda: spins.sample(Ising(square(4)), 1.0, 4, "over-relaxation"),
            ValueError,
            "use 'metropolis', 'heat-bath'",
        ),
        (
            lambda: spins.sample(Ising(square(4), field=1, second_coupling=0.1), 1.0, 4, "wolff"),
            ValueError,
            "zero field",
        ),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_coexisting_phases_are_warned_of():
    """At a first-order transition of a lattice too large for its updates the pilots disagree, and say so."""
    with pytest.warns(RuntimeWarning, match="phases coexist"):
        ds = spins.sample(BlumeCapel(square(8), crystal_field=1.99), 0.35, 4, "heat-bath", seed=0, n_threads=1)
    assert ds.attrs["equilibrated"] == [0]


def test_the_skeleton_works():
    """The model that CONTRIBUTING prints, as printed: every update against a sum over all its states."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("### A discrete spin model", 1)[1].split("\n### ", 1)[0]
    code = re.search(r"```python\n(.*?)```", section, re.S).group(1)
    names = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    kind = names["AshkinTeller"]
    assert issubclass(kind, StateModel)
    model, t = kind(square(2), coupling=1.0, product=0.5), 2.5
    digits = np.arange(4**4)[:, None] // 4 ** np.arange(4) % 4
    x = np.asarray(model.states.values)[digits]
    energy, order = model.energy(x), model.order(x)
    weights = np.exp(-energy * 4 / t)
    weights /= weights.sum()
    for method in ("heat-bath", "metropolis", "swendsen-wang", "wolff", "tempering", "auto"):
        ds = spins.sample(model, t, 3000, method, seed=1, n_threads=1)
        n = ds.attrs["effective_sample_size"][0]
        m = model.order(ds.configuration.values)
        for found, expected in ((ds.energy.values, weights @ energy), (m, weights @ order), (m**4, weights @ order**4)):
            assert abs(found.mean() - expected) < 4.5 * found.std() / math.sqrt(n), method
