"""The low levels of a batch are the energies of zeeman.hamiltonians, know no frame and no scale, and have gradients."""

import numpy as np
import pytest
import torch
from torch.func import vmap

from zeeman.hamiltonians import NormalizedGaussians, rayleigh_ritz
from zeeman.vae import BetaVAE, LowLevels
from zeeman.vae.spectral import dirichlet_forms, energies, landmarks, standardised


def blobs(n, dim, n_sets, seed=0, apart=4.0):
    """Draw Gaussians of unit width at distance `apart` from the origin, along as many axes."""
    rng = np.random.default_rng(seed)
    centers = apart * np.eye(max(n_sets, dim))[:n_sets, :dim]
    return torch.from_numpy(rng.normal(size=(n, dim)) + centers[rng.integers(n_sets, size=n)])


@pytest.mark.parametrize(("n", "dim", "n_landmarks"), [(128, 1, 16), (128, 2, 16), (300, 5, 32), (128, 8, 16)])
def test_energies_are_those_of_the_landmark_basis(n, dim, n_landmarks):
    u = standardised(blobs(n, dim, 1 if dim == 1 else 2))
    centers, populated, spacing = landmarks(u, n_landmarks, 3)
    A, B = dirichlet_forms(u, centers, spacing, populated)
    kept = populated.numpy()
    basis = NormalizedGaussians(centers.numpy()[kept], float(spacing))
    reference = basis.forms(u.numpy())
    np.testing.assert_allclose(A.numpy()[np.ix_(kept, kept)], reference[0], atol=1e-12)
    np.testing.assert_allclose(B.numpy()[np.ix_(kept, kept)], reference[1], atol=1e-12)
    levels = rayleigh_ritz(*reference, ground=np.ones(kept.sum())).energies[:6]
    np.testing.assert_allclose(energies(A, B, populated)[:6].numpy(), levels, rtol=1e-4, atol=1e-6)


def test_landmarks_are_cell_means_and_spaced_by_the_median():
    u = standardised(blobs(200, 3, 2))
    centers, populated, spacing = landmarks(u, 12, 3)
    distances = np.linalg.norm(centers[populated][:, None] - centers[populated], axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.sort(distances.min(axis=1))
    assert float(spacing) == pytest.approx(nearest[(len(nearest) - 1) // 2])
    assert populated.sum() >= 8
    far = u.clone()
    far[0] = 50.0  # the first landmark is an isolated sample
    assert not landmarks(far, 12, 3)[1][0]


def test_shift_rotation_and_scale_change_nothing():
    z, penalty = blobs(128, 4, 3), LowLevels(n_states=4)
    Q = torch.linalg.qr(torch.from_numpy(np.random.default_rng(1).normal(size=(4, 4))))[0]
    reference = penalty(z)
    for other in (z + 5.0, z @ Q, 30.0 * z, 0.03 * z @ Q - 1.0):
        torch.testing.assert_close(penalty(other), reference, rtol=1e-5, atol=1e-8)


def test_gradient_sees_neither_shift_nor_scale():
    z = blobs(128, 4, 3).requires_grad_()
    (slope,) = torch.autograd.grad(LowLevels(n_states=3)(z), z)
    size = slope.norm() * z.norm()
    assert slope.sum(0).norm() < 1e-9 * size
    assert (slope * (z - z.mean(0))).sum().abs() < 1e-9 * size  # inflating the codes gains nothing


def frozen(z, n_states, held):
    """S with landmarks and width of another batch, as the gradient sees it."""
    u = standardised(z)
    return energies(*dirichlet_forms(u, *held), held[2])[:n_states].sum()


@pytest.mark.parametrize("n_states", [2, 3, 4])
def test_gradient_is_that_of_finite_differences(n_states):
    z = blobs(96, 3, 2)
    centers, populated, spacing = landmarks(standardised(z), 12, 3)
    held = (centers, spacing, populated)
    point = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(LowLevels(n_states=n_states, n_landmarks=12)(point), point)
    direction = torch.from_numpy(np.random.default_rng(3).normal(size=z.shape))
    step = 1e-5
    ahead, behind = (frozen(z + sign * step * direction, n_states, held) for sign in (1, -1))
    along = float((slope * direction).sum())
    assert along == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-5, abs=1e-9)


def test_gradient_of_a_degenerate_block_is_finite_and_right():
    corners = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], dtype=torch.float64)
    ring = torch.linspace(0, 2 * np.pi, 9, dtype=torch.float64)[:-1]
    small = 0.4 * torch.stack([ring.cos(), ring.sin()], 1)
    z = (corners[:, None] + small).reshape(-1, 2)  # a square: two degenerate levels inside S
    centers = corners / z.square().mean().sqrt()
    held = (centers, torch.tensor(0.8, dtype=torch.float64), torch.ones(4, dtype=torch.bool))
    levels = energies(*dirichlet_forms(standardised(z), *held), held[2])
    assert abs(float(levels[1] - levels[2])) < 1e-8 * float(levels[2])
    assert float(levels[3]) > 1.2 * float(levels[2])
    point = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(frozen(point, 3, held), point)
    direction = torch.from_numpy(np.random.default_rng(0).normal(size=z.shape))
    step = 1e-5
    ahead, behind = (frozen(z + sign * step * direction, 3, held) for sign in (1, -1))
    assert float((slope * direction).sum()) == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-5)


def test_separated_sets_are_rewarded():
    penalty = LowLevels(n_states=3)
    values = [float(penalty(blobs(256, 5, 3, apart=apart))) for apart in (0.0, 2.0, 4.0, 8.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.01 * values[0]
    assert 0.3 < values[0] < 3.0  # near (k - 1) / 2 for one Gaussian


def test_descent_parts_what_is_almost_two_sets():
    z = blobs(128, 2, 2, apart=1.5).requires_grad_()
    penalty, optimiser = LowLevels(n_states=2), torch.optim.Adam([z], lr=0.02)
    before = float(penalty(z.detach()))
    for _ in range(100):
        optimiser.zero_grad()
        penalty(z).backward()
        optimiser.step()
    assert float(penalty(z.detach())) < 0.3 * before


@pytest.mark.parametrize("z", [torch.zeros(40, 3), torch.ones(2, 1), torch.eye(3)], ids=["collapsed", "two", "few"])
def test_codes_without_structure_have_a_finite_gradient(z):
    z = z.clone().requires_grad_()
    value = LowLevels(n_states=3)(z)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


def test_stacked_replicas_equal_single_ones():
    penalty = LowLevels(n_states=3)
    z = torch.stack([blobs(128, 4, 3, seed).float() for seed in range(3)]).requires_grad_()
    together = vmap(penalty)(z)
    torch.testing.assert_close(together, torch.stack([penalty(one) for one in z]))
    (stacked,) = torch.autograd.grad(together.sum(), z, retain_graph=True)
    (apart,) = torch.autograd.grad(sum(penalty(one) for one in z), z)
    torch.testing.assert_close(stacked, apart)


def test_training_against_it_lowers_it_in_every_engine():
    X = blobs(400, 6, 3, apart=3.0).numpy()
    common = {
        "latent_dim": 3,
        "n_epochs": 8,
        "n_replicas": 2,
        "random_state": 0,
        "precision": "float32",
        "n_threads": 1,
    }
    last = {}
    for engine in ("apart", "threads", "stacked"):
        vae = BetaVAE(regulariser=LowLevels(20.0), engine=engine, **common).fit(X)
        last[engine] = vae.history_["spectral"]
        np.testing.assert_allclose(
            vae.history_["loss"],
            vae.history_["reconstruction"] + vae.history_["kl"] + 20.0 * vae.history_["spectral"], rtol=1e-5,
        )  # fmt: skip
    np.testing.assert_allclose(last["stacked"], last["apart"], rtol=1e-2, atol=1e-3)
    np.testing.assert_array_equal(last["threads"], last["apart"])
    watched = BetaVAE(regulariser=LowLevels(0.0), engine="apart", **common).fit(X)
    assert (last["apart"][-1] < watched.history_["spectral"][-1]).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weight": -1.0}, ValueError, "weight .* -1.0"),
        ({"weight": float("nan")}, ValueError, "weight"),
        ({"width": 0.0}, ValueError, "width"),
        ({"n_states": 1}, ValueError, "n_states"),
        ({"n_states": 2.0}, TypeError, "n_states"),
        ({"n_states": 9, "n_landmarks": 4}, ValueError, "as many landmarks"),
        ({"min_count": 0}, ValueError, "min_count"),
    ],
)
def test_refusals(options, error, message):
    with pytest.raises(error, match=message):
        LowLevels(**options)
