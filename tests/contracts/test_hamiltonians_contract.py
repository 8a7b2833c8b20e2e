"""The promised names and shapes of hamiltonians, and what is refused."""

from dataclasses import dataclass

import numpy as np
import pytest

import zeeman as zm

h = zm.hamiltonians


def test_the_contract():
    H0 = h.Box(length=1.0, kinetic=1.0, n_levels=200)
    assert H0.energies.shape == (200,)
    H0 = h.Oscillator(frequency=1.0, kinetic=0.5, dim=1, n_levels=120)
    np.testing.assert_allclose(H0.energies, np.arange(120) + 0.5)
    V = h.Sinusoid(t=3)
    np.testing.assert_allclose(V(np.array([[0.1], [0.25]])), np.sin(6 * np.pi * np.array([0.1, 0.25])))
    V = h.Potential(lambda z: z[:, 0] ** 4)
    series = h.perturb(H0, V, order=8, n_states=4)
    assert series.energies.shape == (4, 9)
    assert series.states.shape == (9, 120, 4)
    assert series.at([0.0, 0.1]).shape == (2, 4)
    exact = h.diagonalize(H0 + 0.1 * V, n_states=6)
    assert exact.energies.shape == (6,)
    assert exact.states.shape == (120, 6)
    assert exact(np.zeros((3, 1))).shape == (3, 6)
    assert h.Grid(-1, 1, n_points=9).matrix(lambda z: z[:, 0]).shape == (9,)
    assert "<lambda>" in repr(V + 2 * h.Sinusoid(t=3))
    np.testing.assert_array_equal(h.diagonalize(H0, 3).energies, H0.energies[:3])
    np.testing.assert_allclose(h.diagonalize(0.1 * V + H0, 2).energies, exact.energies[:2])


def test_a_class_of_ones_own_is_a_potential_with_the_algebra():
    @dataclass(frozen=True)
    class Well(h.Potential):
        depth: float = 1.0

        def __call__(self, z):
            return -self.depth / np.cosh(z[:, 0]) ** 2

    # Poeschl-Teller: -1/2 d2/dz2 - 1/cosh^2 z has one bound level, at -1/2
    grid = h.Grid(-15.0, 15.0, n_points=160)
    assert h.diagonalize(grid + 0.5 * Well(2.0), 1).energies[0] == pytest.approx(-0.5, abs=1e-6)
    assert repr(Well(2.0)).endswith("Well(depth=2.0)")


def test_functions_without_the_algebra_are_potentials_too():
    H0 = h.Oscillator(n_levels=30)
    plain = h.perturb(H0, lambda z: z[:, 0] ** 2, order=2, n_states=1)
    np.testing.assert_allclose(plain.energies, [[0.5, 0.5, -0.25]], atol=1e-12)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: h.Box(length=0.0), "length of Box"),
        (lambda: h.Box(kinetic=np.inf), "kinetic of Box"),
        (lambda: h.Box(n_levels=0), "n_levels"),
        (lambda: h.Box(dim=0), "dim"),
        (lambda: h.Oscillator(frequency=-1.0), "frequency"),
        (lambda: h.Grid(1.0, 0.0), "lower < upper"),
        (lambda: h.Grid(0.0, 1.0, dim=4), "1, 2 or 3"),
        (lambda: h.Grid(0.0, 1.0, n_points=300, dim=3), "take fewer"),
        (lambda: h.Sinusoid(t=np.nan), "NaN"),
        (lambda: h.Sinusoid(t=1, axis=-1), "axis"),
        (lambda: h.Polynomial(()), "coefficients"),
        (lambda: h.Tabulated([0, 1, 1], [0, 0, 0]), "ascend"),
        (lambda: h.Tabulated([0, 1], [0, np.inf]), "infinity"),
        (lambda: h.MixturePotential([1, 0], [[0.0], [1.0]], 1.0), "weights"),
        (lambda: h.MixturePotential([1], [[0.0]], -1.0), "variances"),
        (lambda: h.MixturePotential([1], [[0.0, 1.0]], np.array([[[1.0, 2.0], [2.0, 1.0]]])), "positive definite"),
        (lambda: h.MixturePotential.from_samples(np.ones((5, 2)), 1.0), "no variation"),
        (lambda: h.MixturePotential.from_samples(np.eye(3), 0.0), "bandwidth"),
        (lambda: h.MixturePotential([1], [[0.0]], 1.0)(np.zeros((2, 2))), "axes"),
        (lambda: h.Box().matrix(h.Sinusoid(t=1, axis=1)), "axis 1"),
        (lambda: h.Box().matrix(h.Potential(lambda z: z)), "one value a position"),
        (lambda: h.Box().matrix(h.Potential(lambda z: np.log(z[:, 0] - 2 + 0j).real * np.nan)), "the potential is nan"),
        (lambda: h.Box(n_levels=10)(np.zeros((3, 2))), "axes"),
        (lambda: h.Box(dim=6).matrix(h.Potential(lambda z: z[:, 0] * z[:, 1])), "quadrature points"),
        (lambda: h.Box(n_levels=10_000_000).matrix(h.Sinusoid(t=1)), "GiB"),
        (lambda: h.Grid(0, 1, n_points=200, dim=3).unperturbed(), "GiB"),
        (lambda: h.perturb(h.Box(n_levels=3), h.Sinusoid(t=1), n_states=4), "n_states = 4"),
        (lambda: h.perturb(h.Box(n_levels=3), h.Sinusoid(t=1), order=-1), "order"),
        (lambda: h.diagonalize(h.Box(n_levels=3), 4), "n_states = 4"),
        (lambda: h.diagonalize(h.Box(n_levels=9), 4, method="sparse"), "method"),
        (lambda: h.expand([np.eye(3), np.arange(9.0).reshape(3, 3)], n_states=1), "symmetric"),
        (lambda: h.expand([np.eye(3), np.eye(2)], n_states=1), "one size"),
        (lambda: h.expand([np.eye(3)], [np.diag([1.0, 1.0, 0.0])], n_states=1), "positive definite"),
        (lambda: h.expand([np.eye(3), np.full((3, 3), np.nan)], n_states=1), "NaN"),
        (lambda: h.expand([np.eye(3)], n_states=1, gap=-1.0), "gap"),
        (lambda: h.expand([], n_states=1), "unperturbed"),
        (lambda: h.expand([np.eye(3)], n_states=1)(np.zeros((1, 1)), 0.1), "no functions"),
    ],
)
def test_bad_input_is_refused_by_name(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: h.Potential(3),
        lambda: h.perturb("box", h.Sinusoid(t=1)),
        lambda: h.diagonalize(3),
        lambda: h.Box() + "V",
        lambda: h.Sinusoid(t=1) * "V",
        lambda: h.Box(n_levels=2.5),
    ],
)
def test_what_is_no_physics_is_a_type_error(make):
    with pytest.raises(TypeError):
        make()


def test_slow_convergence_of_an_integral_is_said():
    with pytest.warns(UserWarning, match="last refinement"):
        h.Box(n_levels=20).matrix(h.Potential(lambda z: 1.0 * (z[:, 0] > 0.3)))
