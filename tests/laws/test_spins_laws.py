"""Laws: bonds, gauge and symmetry, exact acceptance, independence of threads, detailed balance by counting."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zeeman import spins
from zeeman.spins import Ising, chain, cubic, honeycomb, moves, square, statistics, triangular
from zeeman.spins._kernels_numba import DIGITS, digits, lane_counts, pack, unpack

LATTICES = [chain(6), square(4), square(3), square(2), triangular(4), honeycomb(3), cubic(4)]


@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
def test_neighbourhood_is_mutual_and_bonds_are_listed_once(lattice):
    n = lattice.n_sites
    touch = np.zeros((n, n), int)
    np.add.at(touch, (np.repeat(np.arange(n), lattice.coordination), lattice.neighbours.ravel()), 1)
    listed = np.zeros((n, n), int)
    np.add.at(listed, (np.repeat(np.arange(n), lattice.bonds_of.shape[1]), lattice.bonds_of.ravel()), 1)
    np.fill_diagonal(listed, 0)
    assert (touch == touch.T).all()
    assert not touch.diagonal().any()
    assert (listed + listed.T == touch).all()
    if lattice.checkerboard is not None:
        assert (lattice.checkerboard[:, None] * lattice.checkerboard[lattice.neighbours] == -1).all()


@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
def test_local_field_is_the_cost_of_a_flip(lattice):
    model = Ising(lattice, coupling=-0.8, field=0.3)
    x = model.start("random", 1, np.random.default_rng(0))
    flipped = x.repeat(lattice.n_sites, axis=0)
    np.fill_diagonal(flipped, -flipped.diagonal())
    cost = (model.energy(flipped) - model.energy(x)) * lattice.n_sites
    np.testing.assert_allclose(cost, 2 * (x * model.local_field(x))[0], atol=1e-10)


def test_reversing_one_sublattice_reverses_the_coupling():
    lattice = square(6)
    x = Ising(lattice).start("random", 5, np.random.default_rng(1))
    np.testing.assert_allclose(Ising(lattice, -1.0).energy(x * lattice.checkerboard), Ising(lattice).energy(x))


@given(st.floats(0, 1, exclude_max=True))
@settings(max_examples=200, deadline=None)
def test_digits_hold_the_whole_probability(p):
    toggles, rest = digits(p)
    bit, top = 0, 0
    for j in reversed(range(DIGITS)):  # undo e_j = b_j ^ b_(j+1) from the first place
        bit ^= int(toggles[j] != 0)
        top = 2 * top + bit
    value = Fraction(top, 2**DIGITS) + Fraction(int(rest), 2 ** (DIGITS + 64))
    assert abs(value - Fraction(p)) < Fraction(1, 2**54)


def test_words_and_configurations():
    model = Ising(honeycomb(3))
    x = model.start("random", 100, np.random.default_rng(2))
    words, back = np.zeros((18, 2), np.uint64), np.empty((128, 18), np.int8)
    pack(x, words)
    unpack(words, back)
    np.testing.assert_array_equal(back[:100], x)
    planes, (broken, up) = np.empty((6, 2), np.uint64), np.empty((2, 128), np.int64)
    lane_counts(words, model.lattice.bonds_of, planes, broken, up)
    np.testing.assert_allclose(-(27 - 2 * broken) / 18, model.energy(back))
    np.testing.assert_array_equal(up, (back > 0).sum(axis=1))


@pytest.mark.parametrize("field", [0.0, 0.5])
def test_acceptance_is_the_stated_probability(field):
    """From aligned spins, the first site of a sweep flips with exp(-dE / T), bit for bit independent of the others."""
    model, t, n = Ising(square(8), field=field), 4.0, 2048
    p = np.exp(-(8 + 2 * field) / t)
    flips = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        walkers = moves.Metropolis(model, t, np.ones((n, 64), np.int8), rng)
        walkers.advance(1)
        flips.append(walkers.configurations()[:, 0] < 0)
    rate = np.mean(flips)
    assert abs(rate - p) < 5 * np.sqrt(p * (1 - p) / np.size(flips))
    # replicas and their neighbours in the word are uncorrelated
    hits = np.array(flips) - p
    assert abs((hits[:, 1:] * hits[:, :-1]).mean()) < 5 * p * (1 - p) / np.sqrt(np.size(flips))


@pytest.mark.parametrize("method", ["metropolis", "swendsen-wang", "wolff", "tempering", "auto"])
def test_threads_do_not_change_a_bit(method):
    draw = [spins.sample(Ising(square(6)), [2.0, 2.6], 70, method, seed=7, n_threads=n) for n in (1, 3)]
    assert draw[0].identical(draw[1])


def test_seeds_differ_and_temperatures_do_not_share_numbers():
    model = Ising(square(6))
    a, b = (spins.sample(model, [5.0, 5.0], 64, "metropolis", seed=seed).configuration.values for seed in (0, 1))
    assert (a != b).any()
    assert (a[:64] != a[64:]).any()


@pytest.mark.parametrize("method", ["metropolis", "swendsen-wang"])
def test_samples_in_order_are_independent(method):
    ds = spins.sample(Ising(square(8)), 2.3, 3000, method, seed=8)
    assert statistics.autocorrelation_time(ds.energy.values) < 0.5 + 5 * np.sqrt(14 / 3000)


@pytest.mark.parametrize(
    ("model", "t", "method", "n_samples"),
    [
        (Ising(square(8), -1.0, 0.5), 1.0, "metropolis", 2048),  # which sublattice is up
        (Ising(honeycomb(4), -1.0, 0.3), 0.6, "metropolis", 2048),
        (Ising(square(16), 1.0, second_coupling=-0.7), 0.9, "heat-bath", 512),  # which way stripes run
    ],
    ids=repr,
)
def test_readings_of_a_chain_are_spread_over_what_the_lattice_connects(model, t, method, n_samples):
    """Chains stay in their ordered state, so two readings of one would have its sign and direction both."""
    ds = spins.sample(model, t, n_samples, method, seed=1, n_threads=1)
    m = model.order_parameter(ds.configuration.values)
    first, second = m[: n_samples // 2], m[n_samples // 2 :]
    assert ds.attrs["effective_sample_size"][0] > 0.95 * n_samples
    largest = np.abs(first).argmax(axis=1)
    assert (np.abs(first).max(axis=1) > 0.7).mean() > 0.9  # ordered
    signs = np.sign(first * second)[np.arange(len(m) // 2), largest]
    directions = largest == np.abs(second).argmax(axis=1)
    for alike in (signs > 0,) if m.shape[1] == 1 else (directions,):
        assert abs(alike.mean() - 0.5) < 5 / np.sqrt(4 * len(alike))


def test_tempering_turns_what_single_flips_cannot():
    """In a small field the reversed phase keeps its weight e^(-2 h N / T): replica exchange finds it."""
    model, t = Ising(square(4), field=0.02), 1.2
    expected = spins.exact.enumerate_states(model, t)
    ds = spins.sample(model, t, 4000, "auto", seed=9)
    m = spins.magnetization(ds.configuration.values)
    assert abs(m.mean() - expected.magnetization) < 5 * m.std() / np.sqrt(ds.attrs["effective_sample_size"][0])


def test_staggered_is_the_magnetization_of_the_mirrored():
    for lattice in (chain(6), square(4), honeycomb(3), cubic(4)):
        x = Ising(lattice).start("random", 7, np.random.default_rng(3))
        found = spins.staggered_magnetization((x * lattice.checkerboard).reshape(7, *lattice.shape))
        np.testing.assert_allclose(found, spins.magnetization(x.reshape(7, *lattice.shape)), atol=1e-12)
