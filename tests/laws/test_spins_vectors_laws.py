"""Symmetries, conservation and precision of vector models, whatever their updates."""

import numpy as np
import pytest

from zeeman import spins
from zeeman.spins import XY, Heisenberg, chain, cubic, honeycomb, square, triangular
from zeeman.spins import _functions_numba as functions
from zeeman.spins import _vectors_numba as kernels
from zeeman.spins._random_numba import jit
from zeeman.spins.models import VectorModel
from zeeman.spins.moves import MOVES, start

KINDS = (XY, Heisenberg)
LATTICES = [chain(5), square(4), square(3), triangular(6), honeycomb(2), cubic(2)]


def random_configurations(model, n=6, seed=0):
    return model.start("random", n, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
@pytest.mark.parametrize("coupling", [1.5, -0.5])
def test_energy_is_a_sum_over_bonds(kind, lattice, coupling):
    """-J sum_<ij> s_i . s_j = -1/2 sum_i s_i . h_i, every bond once however often it is there."""
    model = kind(lattice, coupling)
    x = random_configurations(model)
    s = model.vectors(x).astype(np.float64)
    pairs = np.einsum("sia,sika->s", s, s[:, lattice.neighbours]) / 2
    np.testing.assert_allclose(model.energy(x), -coupling * pairs / lattice.n_sites, atol=1e-12)
    fields = (s * model.local_field(x)).sum(axis=(1, 2)) / 2
    np.testing.assert_allclose(model.energy(x), -fields / lattice.n_sites, atol=1e-12)
    on_axes = x.reshape(len(x), *lattice.shape, *model.value_axes.values())
    np.testing.assert_array_equal(model.energy(on_axes), model.energy(x))
    assert model.local_field(on_axes).shape == (len(x), *lattice.shape, kind.n_components)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
@pytest.mark.parametrize("coupling", [1.0, -1.0])
def test_rotations_and_reflections_leave_energy_and_order(kind, lattice, coupling):
    model = kind(lattice, coupling)
    x = random_configurations(model)
    y = model.turn(x, np.random.default_rng(1))
    assert y.dtype == np.float32
    assert np.abs(np.asarray(y) - x).max() > 0.1
    np.testing.assert_allclose(model.energy(y), model.energy(x), atol=1e-6)
    np.testing.assert_allclose(model.order(y), model.order(x), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(model.order_parameter(y), axis=1), model.order(y))


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_turns_are_reflections(kind):
    """O(n), not SO(n): three spins in a frame of either hand."""
    model = kind(chain(3))
    s = np.eye(3)[None, :, : kind.n_components] + 0.1
    s = np.repeat(s / np.linalg.norm(s, axis=-1, keepdims=True), 4000, axis=0)
    turned = model.vectors(model.turn(model.values(s), np.random.default_rng(2)))
    hand = np.sign(np.linalg.det(turned[:, : kind.n_components]))
    assert abs(hand.mean()) < 4.5 / np.sqrt(4000)
    assert np.abs(turned[:, 0].mean(axis=0)).max() < 4.5 / np.sqrt(4000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("lattice", "coupling", "energy"),
    [(square(4), 1.0, -2.0), (square(4), -1.0, -2.0), (honeycomb(3), -1.0, -1.5), (cubic(3), 1.0, -3.0),
     (triangular(6), -1.0, -1.5), (triangular(4), 1.0, -3.0)],
    ids=str,
)  # fmt: skip
def test_ordered_starts_are_ground_states(kind, lattice, coupling, energy):
    """Aligned, alternating, or at 120 degrees, each with an order parameter of length 1."""
    model = kind(lattice, coupling)
    x = model.start("ordered", 5, np.random.default_rng(3))
    np.testing.assert_allclose(model.energy(x), energy, atol=1e-6)
    np.testing.assert_allclose(model.order(x), 1.0, atol=1e-6)
    assert np.ptp(model.order_parameter(x), axis=0).max() > 0.1  # in random directions


def test_angles_lie_in_their_interval():
    model = XY(chain(4))
    vectors = np.array([[[1.0, 0.0], [1.0, -1e-12], [0.0, 1.0], [-1.0, -1e-9]]])
    theta = model.values(vectors)
    np.testing.assert_allclose(theta, [[0.0, 0.0, np.pi / 2, np.pi]], rtol=1e-6)
    assert ((theta >= 0) & (theta.astype(np.float64) < 2 * np.pi)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", MOVES[VectorModel])
def test_lengths_do_not_drift(kind, method):
    """|s| = 1 to 1e-6 after thousands of sweeps, in what the update holds and not only in what it hands out."""
    model = kind(square(4))
    chains = start(model, method, 0.7, 3, "ordered", np.random.default_rng(4))
    chains.advance(2000)
    spins_held = getattr(chains, "rungs", [chains])[0].spins
    rows = spins_held.reshape(*spins_held.shape[:2], kind.n_components, -1)
    np.testing.assert_allclose(np.linalg.norm(rows.astype(np.float64), axis=2), 1.0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_reflections_conserve_energy_and_go_back(kind):
    """Microcanonical; each is its own inverse, so that reflecting in the opposite order of sites undoes a sweep."""
    model = kind(square(6))
    chains = start(model, "over-relaxation", 1.0, 32, "random", np.random.default_rng(5))
    before, energies = chains.configurations(), chains.energies()
    sweep = kernels.reflections(kind.n_components)
    neighbours = model.lattice.neighbours
    sweep(chains.spins, neighbours, 1)
    assert np.abs(chains.configurations() - before).max() > 0.1
    np.testing.assert_allclose(chains.energies(), energies, atol=1e-4)
    backwards = np.ascontiguousarray(chains.spins[:, ::-1])
    sweep(backwards, np.ascontiguousarray(len(neighbours) - 1 - neighbours[::-1]).astype(np.int32), 1)
    chains.spins = np.ascontiguousarray(backwards[:, ::-1])
    np.testing.assert_allclose(model.vectors(chains.configurations()), model.vectors(before), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_chains_that_are_exchanged(kind):
    model = kind(square(3), -1.0)
    a, b = (start(model, "heat-bath", 1.0, 40, "random", np.random.default_rng(seed)) for seed in (6, 7))
    x, y = a.configurations(), b.configurations()
    np.testing.assert_allclose(a.energies(), 9 * model.energy(x), atol=1e-4)
    marked = np.random.default_rng(8).random(40) < 0.5
    a.exchange(b, marked)
    np.testing.assert_array_equal(a.configurations()[marked], y[marked])
    np.testing.assert_array_equal(a.configurations()[~marked], x[~marked])
    np.testing.assert_array_equal(b.configurations()[marked], x[marked])


@pytest.mark.parametrize("method", ["over-relaxation", "wolff"])
def test_samples_do_not_depend_on_threads(method):
    one, two = (
        spins.sample(Heisenberg(square(3)), [0.8, 2.0], 150, method, seed=9, n_threads=n).configuration for n in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("method", MOVES[VectorModel])
def test_chains_of_one_start_part(method):
    """Each draws numbers of its own, over the edge of a block of 32 too."""
    model = XY(square(3))
    x = np.repeat(model.start("ordered", 1, np.random.default_rng(0)), 40, axis=0)
    chains = MOVES[VectorModel][method](model, 1.0, x, np.random.default_rng(1))
    chains.advance(20)
    y = chains.configurations()
    assert len(np.unique(y.round(4), axis=0)) == 40


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", MOVES[VectorModel])
def test_the_configurations_one_starts_from_stay(kind, method):
    model = kind(square(3))
    x = model.start("ordered", 32, np.random.default_rng(0))
    kept = x.copy()
    chains = MOVES[VectorModel][method](model, 1.0, x, np.random.default_rng(1))
    first = chains.configurations()
    chains.advance(3)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_allclose(model.vectors(first), model.vectors(kept), atol=1e-6)


@jit
def _apply(x, out, which):
    for i in range(x.size):
        if which == 0:
            out[i] = functions.exp(x[i])
        elif which == 1:
            out[i] = functions.log(x[i])
        else:
            out[i] = functions.half_turn(x[i])[which - 2]


@pytest.mark.parametrize(
    ("which", "low", "high", "exact", "error"),
    [
        (0, -20.0, 1.0, np.exp, 3e-6), (1, 1e-8, 1.0, np.log, 1e-6),
        (2, -0.5, 0.5, lambda x: np.cos(np.pi * x), 3e-7), (3, -0.5, 0.5, lambda x: np.sin(np.pi * x), 3e-7),
    ],
    ids=["exp", "log", "cos", "sin"],
)  # fmt: skip
def test_elementary_functions(which, low, high, exact, error):
    x = np.linspace(low, high, 100_001).astype(np.float32)
    out = np.empty_like(x)
    _apply(x, out, which)
    expected = exact(x.astype(np.float64))
    assert (np.abs(out - expected) <= error * np.maximum(np.abs(expected), 1.0 if which != 0 else 0.0)).all()
