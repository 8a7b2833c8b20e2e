"""Laws of bases and potentials: matrix elements, ladder algebra, convergence with size, agreement between bases."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ai_zeros, airy

import zeeman.hamiltonians as h

X = h.Polynomial((0.0, 1.0))
QUARTIC = h.Polynomial((0, 0, 0, 0, 1))
ONE_AXIS = {
    "sinusoid": h.Sinusoid(t=1.7, phase=0.3),
    "cosine": h.Sinusoid(t=-0.4, phase=np.pi / 2),
    "polynomial": h.Polynomial((1, -2, 0, 3, 0.5)),
    "high degree": h.Polynomial(tuple(0.1 * (-1) ** k for k in range(17))),
    "constant": h.Polynomial((2.5,)),
}


@pytest.mark.parametrize("name", ONE_AXIS)
@pytest.mark.parametrize("basis", [h.Box(length=1.3, n_levels=25), h.Oscillator(2.0, 0.4, n_levels=25)])
def test_closed_matrix_elements_are_the_integrals(basis, name):
    V = ONE_AXIS[name]
    hidden = h.Potential(lambda z: V(z))  # a callable is integrated by quadrature
    closed, integrated = basis.matrix(V), basis.matrix(hidden)
    np.testing.assert_allclose(closed, integrated, atol=1e-11 * np.abs(closed).max())
    np.testing.assert_array_equal(closed, closed.T)


@pytest.mark.parametrize("basis", [h.Box(length=2.0, n_levels=20), h.Oscillator(n_levels=20)])
def test_tables_are_integrated_piece_by_piece(basis):
    V = h.Tabulated([-1.0, 0.2, 0.5, 1.4, 3.0], [1.0, 2.0, -1.0, 0.5, 0.0])
    x, w = np.polynomial.legendre.leggauss(40)
    joints = np.unique(
        np.clip(np.append(np.linspace(-12, 12, 60), V.z), *((0, 2) if isinstance(basis, h.Box) else (-12, 12)))
    )
    nodes = (joints[:-1, None] + 0.5 * np.diff(joints)[:, None] * (1 + x)).ravel()
    weights = (0.5 * np.diff(joints)[:, None] * w).ravel()
    functions = basis(nodes)
    slow = functions.T @ ((weights * V(nodes))[:, None] * functions)
    np.testing.assert_allclose(basis.matrix(V), slow, atol=1e-10)
    np.testing.assert_allclose(functions.T @ (weights[:, None] * functions), np.eye(20), atol=1e-10)


@pytest.mark.parametrize(
    "basis", [h.Box(dim=2, n_levels=40), h.Oscillator(dim=3, n_levels=35), h.Box(dim=3, n_levels=20)]
)
def test_products_over_axes_equal_the_tensor_grid(basis):
    V = h.Sinusoid(t=0.6) * h.Polynomial((0, 1), axis=1) + 0.5 * h.Polynomial((0, 0, 1), axis=basis.dim - 1) * X
    np.testing.assert_allclose(basis.matrix(V), basis.matrix(h.Potential(lambda z: V(z))), atol=1e-10)


def test_bases_in_many_dimensions_are_truncated_by_energy():
    for basis in (h.Box(dim=3, n_levels=50), h.Oscillator(dim=2, n_levels=45)):
        assert basis.energies.shape == (50 if basis.dim == 3 else 45,)
        assert np.all(np.diff(basis.energies) >= 0)
        assert len(np.unique(basis.quanta, axis=0)) == basis.size
    # nothing below the highest level is missing
    n = np.stack(np.meshgrid(*[np.arange(1, 12)] * 3), axis=-1).reshape(-1, 3)
    everything = np.sort(np.pi**2 * (n**2).sum(axis=1))
    np.testing.assert_allclose(h.Box(dim=3, n_levels=50).energies, everything[:50])


def test_ladder_algebra():
    basis = h.Oscillator(frequency=1.7, kinetic=0.3, n_levels=30)
    a = basis.lowering()
    below = slice(0, 29)  # the last level has nowhere to go
    np.testing.assert_allclose((a @ a.T - a.T @ a)[below, below], np.eye(29), atol=1e-12)
    np.testing.assert_allclose(np.diag(1.7 * (a.T @ a + 0.5 * np.eye(30))), basis.energies, atol=1e-12)
    np.testing.assert_allclose(basis.matrix(X), basis.width * (a + a.T), atol=1e-13)
    H0 = np.diag(basis.energies)
    np.testing.assert_allclose(H0 @ a - a @ H0, -1.7 * a, atol=1e-12)
    # H0 itself, from the momentum p = i (a^T - a) / (2 s): A p^2 + w^2 z^2 / (4 A)
    momentum_squared = -((a.T - a) @ (a.T - a)) / (4 * basis.width**2)
    z_squared = basis.width**2 * (a + a.T) @ (a + a.T)
    built = 0.3 * momentum_squared + 1.7**2 / (4 * 0.3) * z_squared
    np.testing.assert_allclose(built[below, below], H0[below, below], atol=1e-12)


def test_ladders_of_different_axes_commute():
    basis = h.Oscillator(dim=2, n_levels=45)
    a, b = basis.lowering(0), basis.lowering(1)
    np.testing.assert_allclose(a @ b, b @ a, atol=1e-12)
    inner = basis.quanta.sum(axis=1) < basis.quanta.sum(axis=1).max()
    np.testing.assert_allclose((a @ b.T - b.T @ a)[np.ix_(inner, inner)], 0, atol=1e-12)


def test_a_linear_potential_in_the_box_converges_as_the_seventh_power():
    # psi'''' does not vanish at the walls: coefficients fall as n^-5, energies as N^-7. Truth: Airy functions
    F = 50.0
    step = F ** (1 / 3)

    def at_both_walls(E):
        left, right = (airy(step * (z - E / F)) for z in (0.0, 1.0))
        return left[0] * right[2] - right[0] * left[2]

    truth = brentq(at_both_walls, 30, 36, xtol=1e-14)
    assert truth == pytest.approx(-ai_zeros(1)[0][0] * F ** (2 / 3), rel=0.02)  # the far wall hardly matters
    errors = [h.diagonalize(h.Box(n_levels=N) + F * X, 1).energies[0] - truth for N in (10, 20, 40)]
    assert min(errors) > 0
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 7, atol=0.6)


def test_energies_fall_to_their_limit_as_the_basis_grows():
    sizes = (6, 10, 16, 24, 40)
    energies = np.array([h.diagonalize(h.Oscillator(n_levels=n) + QUARTIC, 3).energies for n in sizes])
    assert np.all(np.diff(energies, axis=0) < 1e-12)
    # 0.803770651234: Bender and Wu's ground state at g = 1
    assert energies[-1, 0] == pytest.approx(0.803770651234, abs=1e-7)


def test_box_oscillator_and_grid_agree_on_one_well():
    well = 0.5 * X * X + 0.1 * QUARTIC
    oscillator = h.diagonalize(h.Oscillator(n_levels=80) + 0.1 * QUARTIC, 4)
    grid = h.diagonalize(h.Grid(-8, 8, n_points=90) + well, 4)
    # the same well in a box from 0 to 16, its middle at 8
    shifted = h.Potential(lambda z: 0.5 * (z[:, 0] - 8) ** 2 + 0.1 * (z[:, 0] - 8) ** 4)
    box = h.diagonalize(h.Box(length=16.0, kinetic=0.5, n_levels=90) + shifted, 4)
    np.testing.assert_allclose(grid.energies, oscillator.energies, atol=1e-9)
    np.testing.assert_allclose(box.energies, oscillator.energies, atol=1e-9)
    z = np.linspace(-3, 3, 20)
    for other in (grid(z), box(z + 8)):
        np.testing.assert_allclose(np.abs(other), np.abs(oscillator(z)), atol=1e-7)


def test_dense_and_iterative_agree():
    for H in (h.Box(n_levels=300) + 30 * h.Sinusoid(t=3), h.Oscillator(dim=2, n_levels=210) + 0.1 * X * X * X * X):
        dense, iterative = (h.diagonalize(H, 5, method=method) for method in ("dense", "iterative"))
        assert (dense.method, iterative.method) == ("dense", "iterative")
        np.testing.assert_allclose(iterative.energies, dense.energies, rtol=1e-10)
        np.testing.assert_allclose(np.abs((dense.states * iterative.states).sum(axis=0)), 1, atol=1e-8)


def test_a_grid_needs_no_matrix_and_finds_every_degenerate_state():
    grid = h.Grid(-7, 7, n_points=31, dim=2)
    well = sum((h.Polynomial((0, 0, 0.5), axis=axis) for axis in range(2)), h.Polynomial((0.0,)))
    found = h.diagonalize(grid + well, 6, method="iterative")
    np.testing.assert_allclose(found.energies, [1, 2, 2, 3, 3, 3], atol=1e-9)
    np.testing.assert_allclose(found.energies, h.diagonalize(grid + well, 6, method="dense").energies, atol=1e-9)
    z = np.random.default_rng(0).standard_normal((10, 2))
    np.testing.assert_allclose(np.abs(found(z)[:, 0]), np.exp(-0.5 * (z**2).sum(axis=1)) / np.sqrt(np.pi), atol=1e-8)
    np.testing.assert_allclose(grid(z) @ found.states, found(z), atol=1e-12)
    psi = found.states[:, 1]
    np.testing.assert_allclose(grid.unperturbed() @ psi, grid.kinetic_term(psi), atol=1e-11)


def mixture(dim, shape):
    rng = np.random.default_rng(dim)
    means = 2 * rng.standard_normal((3, dim))
    root = rng.standard_normal((3, dim, dim))
    covariances = {
        "shared": 0.7,
        "isotropic": np.array([0.5, 0.8, 1.1]),
        "diagonal": 0.3 + rng.random((3, dim)),
        "full": root @ root.transpose(0, 2, 1) + 0.5 * np.eye(dim),
    }[shape]
    return h.MixturePotential([1.0, 2.0, 0.5], means, covariances)


@pytest.mark.parametrize("shape", ["shared", "isotropic", "diagonal", "full"])
@pytest.mark.parametrize("dim", [1, 3])
def test_density_potential_is_the_laplacian_of_the_root(dim, shape):
    V = mixture(dim, shape)
    z, step = np.random.default_rng(9).standard_normal((20, dim)), 1e-3

    def root(z):
        return np.exp(0.5 * V.log_density(z))

    # fourth-order differences
    near, far = (sum(root(z + s * k * step * e) for e in np.eye(dim) for s in (1, -1)) for k in (1, 2))
    laplacian = (16 * near - far - 30 * dim * root(z)) / (12 * step**2)
    np.testing.assert_allclose(V(z), 0.5 * laplacian / root(z), atol=2e-6)


def test_the_root_of_a_density_is_the_ground_state_of_its_potential():
    V = h.MixturePotential([0.3, 0.7], [[-2.0], [1.5]], [0.5, 0.8])
    found = h.diagonalize(h.Grid(-11, 11, n_points=200) + V, 3)
    assert found.energies[0] == pytest.approx(0, abs=1e-9)
    assert 0 < found.energies[1] < 0.2 < found.energies[2]  # two clusters: two levels below a gap
    z = np.linspace(-4, 4, 30)
    np.testing.assert_allclose(np.abs(found(z)[:, 0]), np.exp(0.5 * V.log_density(z[:, None])), atol=1e-7)
    # the prior's oscillator carries it too: V minus the prior's |z|^2/8 - 1/4
    prior = h.Oscillator.from_prior(n_levels=120)
    same = h.diagonalize(prior + (V - h.MixturePotential([1.0], [[0.0]], 1.0)), 3)
    np.testing.assert_allclose(same.energies, found.energies, atol=1e-6)  # 120 wide levels for narrow clusters


@pytest.mark.parametrize("shape", ["shared", "isotropic", "diagonal", "full"])
def test_density_potential_is_right_far_out(shape):
    V = mixture(2, shape)
    z = np.array([[3e7, -2e7], [-1e3, 4e3]])
    value = V(z)
    assert np.isfinite(value).all()
    if shape == "shared":
        np.testing.assert_allclose(value, (z**2).sum(axis=1) / (8 * 0.7**2), rtol=1e-2)


def test_samples_make_the_potential_of_their_parzen_density():
    Z = np.random.default_rng(2).standard_normal((500, 2))
    V = h.MixturePotential.from_samples(Z, bandwidth=0.6)
    z = np.random.default_rng(3).standard_normal((7, 2))
    slow = h.MixturePotential(np.ones(500), Z, np.repeat(0.36 * np.eye(2)[None], 500, axis=0))
    np.testing.assert_allclose(V(z), slow(z), atol=1e-10)


def test_potentials_form_an_algebra():
    z = np.random.default_rng(0).random((20, 2))
    V, W = h.Sinusoid(t=3), h.Potential(lambda z: z[:, 0] * z[:, 1])
    cases = {
        "sum": (V + W, V(z) + W(z)),
        "scaled": (2 * V, 2 * V(z)),
        "numpy scale": (np.float64(2) * V, 2 * V(z)),
        "negative": (-V, -V(z)),
        "difference": (V - 2 * W, V(z) - 2 * W(z)),
        "product": ((V + W) * (V - 1), (V(z) + W(z)) * (V(z) - 1)),
        "constant": (1.5 + V / 2 - 0.5, 1 + V(z) / 2),
        "from a number": (1 - V, 1 - V(z)),
    }
    for name, (potential, values) in cases.items():
        np.testing.assert_allclose(potential(z), values, atol=1e-14, err_msg=name)
    basis = h.Box(dim=2, n_levels=30)
    np.testing.assert_allclose(
        basis.matrix(V * W - 3 * W), basis.matrix(h.Potential(lambda z: (V * W - 3 * W)(z))), atol=1e-11
    )


def test_states_of_high_levels_are_normed_far_out():
    """Their recurrence begins far below the smallest number; the last of 1000 had the norm 0.66."""
    z = np.linspace(-75, 75, 60_001)
    last = h.Oscillator(n_levels=1000)(z[:, None])[:, [0, 300, 999]]
    np.testing.assert_allclose((last**2).sum(axis=0) * (z[1] - z[0]), 1.0, rtol=1e-9)
    assert np.isfinite(h.Oscillator(n_levels=5)(np.array([[1e150], [1e3]]))).all()
