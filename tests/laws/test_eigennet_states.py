"""States of a network obey the laws of states: bounds, known levels, orthonormality, symmetry, scale."""

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from zeeman.eigennet import EigenNet
from zeeman.eigennet.network import StateNetwork
from zeeman.hamiltonians import Box, Oscillator, Potential, Sinusoid, diagonalize

QUICK = {"n_epochs": 25, "hidden": (32, 32), "learning_rate": 5e-3, "random_state": 0}


def box_samples(rng, n, length=1.0):
    """Samples of 2/L sin^2(pi z/L), the squared ground state of the box, by its inverse distribution function."""
    u = np.linspace(0, 1, 20_001)
    return length * np.interp(rng.random(n), u - np.sin(2 * np.pi * u) / (2 * np.pi), u)[:, None]


def sine_levels(V, n_states, kinetic=1.0, n_levels=120, n_points=3000):
    """Slow, obvious oracle: -A d2/dz2 + V on [0, 1] in sines, elements by the midpoint rule."""
    n, z = np.arange(1, n_levels + 1), (np.arange(n_points) + 0.5) / n_points
    sines = np.sqrt(2 / n_points) * np.sin(np.pi * np.outer(z, n))
    levels = scipy.linalg.eigvalsh(np.diag(kinetic * (np.pi * n) ** 2) + sines.T @ (V(z[:, None])[:, None] * sines))
    return levels[:n_states]


def fresh_trace(net, Z, n_blocks=20):
    """Trace over the states on samples that the fit has not seen, and its standard error."""
    traces = [-net.score(block) for block in np.array_split(Z, n_blocks)]
    return np.mean(traces), np.std(traces, ddof=1) / np.sqrt(n_blocks)


@pytest.mark.parametrize("dim", [1, 2])
def test_prior_has_the_levels_of_the_oscillator(dim):
    rng = np.random.default_rng(dim)
    net = EigenNet(n_states=dim + 2, **QUICK).fit(rng.standard_normal((6000, dim)))
    exact = np.array([0.0, *[0.5] * dim, 1.0])
    np.testing.assert_allclose(net.energies_, exact, atol=0.2)
    trace, error = fresh_trace(net, rng.standard_normal((60_000, dim)))
    assert exact.sum() - 5 * error < trace < 1.15 * exact.sum() + 5 * error


def test_box_with_a_sinusoid():
    rng = np.random.default_rng(0)
    V = 10 * Sinusoid(t=1)
    net = EigenNet(n_states=3, kinetic=1.0, **QUICK).fit(box_samples(rng, 8000), potential=V)
    exact = sine_levels(V, 3) - np.pi**2
    np.testing.assert_allclose(diagonalize(Box(length=1.0, kinetic=1.0) + V, n_states=3).energies - np.pi**2, exact)
    np.testing.assert_allclose(net.energies_, exact, atol=0.05 * np.ptp(exact))
    trace, error = fresh_trace(net, box_samples(rng, 60_000))
    assert exact.sum() - 5 * error < trace < 1.15 * exact.sum() + 5 * error


def test_anharmonic_oscillator():
    rng = np.random.default_rng(1)
    V = Potential(lambda z: 0.05 * z[:, 0] ** 4)
    net = EigenNet(n_states=3, **QUICK).fit(rng.standard_normal((8000, 1)), potential=V)
    H0 = Oscillator(frequency=0.5, kinetic=0.5)
    exact = diagonalize(H0 + V, n_states=3).energies - 0.25
    np.testing.assert_allclose(net.energies_, exact, atol=0.2)
    trace, error = fresh_trace(net, rng.standard_normal((60_000, 1)))
    assert exact.sum() - 5 * error < trace < 1.15 * exact.sum() + 5 * error


def test_gradients_are_those_of_automatic_differentiation():
    torch.manual_seed(0)
    network = StateNetwork(3, 2, (8, 5)).double()
    y = torch.randn(6, 3, dtype=torch.float64)
    values, gradient = network.with_gradient(y)
    torch.testing.assert_close(values, network(y))
    torch.testing.assert_close(gradient, torch.func.vmap(torch.func.jacrev(lambda row: network(row[None])[0]))(y))


@pytest.fixture(scope="module")
def blobs():
    """Three separated blobs at one distance from the origin, and their labels."""
    rng = np.random.default_rng(3)
    angles = 2 * np.pi * np.arange(3) / 3
    labels = np.repeat(np.arange(3), 500)
    return 4 * np.column_stack([np.cos(angles), np.sin(angles)])[labels] + 0.7 * rng.standard_normal((1500, 2)), labels


@pytest.mark.parametrize("potential", [None, lambda z: z[:, 0]])
def test_states_are_orthonormal_and_signed(blobs, potential):
    Z, _ = blobs
    net = EigenNet(n_states=3, n_epochs=10, random_state=0).fit(Z, potential=potential)
    f = net.states(Z)
    np.testing.assert_allclose(f.T @ f / len(f), np.eye(3), atol=1e-9)
    assert ((f**3).mean(axis=0) > -1e-9).all()
    if potential is None:
        np.testing.assert_allclose(f[:, 0], 1.0)


def test_energies_scale_as_inverse_squares_of_lengths(blobs):
    Z, _ = blobs
    net = EigenNet(n_states=3, n_epochs=5, random_state=0).fit(Z)
    larger = clone(net).fit(4.0 * Z)  # a power of two: not even the rounding differs
    np.testing.assert_allclose(16 * larger.energies_, net.energies_, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(larger.transform(4.0 * Z), net.transform(Z), rtol=1e-9)
    lighter = clone(net).set_params(kinetic=0.25).fit(Z)
    np.testing.assert_allclose(2 * lighter.energies_, net.energies_, rtol=1e-9, atol=1e-15)


def test_a_rotated_space_has_the_same_energies(blobs):
    Z, _ = blobs
    Z = np.column_stack([Z, 0.3 * np.random.default_rng(0).standard_normal(len(Z))])
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    net = EigenNet(n_states=3, n_epochs=40, random_state=0).fit(Z)
    # the network that sees rotated samples through rotated first weights is the same function
    turned = clone(net).set_params(n_epochs=1).fit(Z @ Q)
    assert turned.scale_ == pytest.approx(net.scale_)
    weights = net.module_.state_dict()
    for name in ("network.layers.0.weight", "network.straight.weight"):
        weights[name] = weights[name] @ torch.as_tensor(Q, dtype=torch.float32)
    turned.module_.load_state_dict(weights)
    assert turned.score(Z @ Q) == pytest.approx(net.score(Z), rel=1e-4)
    # and training finds it: the span of the low states agrees
    again = clone(net).fit(Z @ Q)
    a, b = (np.linalg.qr(e.states(X))[0] for e, X in ((net, Z), (again, Z @ Q)))
    assert np.linalg.svd(a.T @ b, compute_uv=False).min() > 0.95


def test_states_tell_separated_blobs_apart(blobs):
    Z, labels = blobs
    net = EigenNet(n_states=3, n_epochs=40, random_state=0).fit(Z)
    found = KMeans(3, n_init=5, random_state=0).fit_predict(net.transform(Z))
    assert adjusted_rand_score(labels, found) > 0.97


@pytest.mark.parametrize("objective", ["paper", "corrected"])
def test_objectives_of_single_samples_tell_nothing_apart(blobs, objective):
    Z, labels = blobs
    net = EigenNet(objective=objective, n_epochs=15, t=3, alpha=0.01, length=1.0, random_state=0).fit(Z)
    found = KMeans(3, n_init=5, random_state=0).fit_predict(net.energies_of(Z)[:, None])
    assert adjusted_rand_score(labels, found) < 0.1
