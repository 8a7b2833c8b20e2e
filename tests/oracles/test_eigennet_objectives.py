"""Per-sample energies of paper 000 agree with its printed formula, with quadrature and with numpy's closed forms."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from zeeman.eigennet import EigenNet, PaperBox, corrected_energy, pointwise_optimum, printed_energy, quantum_number
from zeeman.hamiltonians import closed_forms

N = np.array([0.0, 0.3, 0.757, 1.0, 1.4999999, 1.5, 1.77, 2.0, 3.2, 6.9])


def as_tensor(x):
    return torch.as_tensor(np.asarray(x, dtype=np.float64))


@pytest.mark.parametrize("t", [1, 2, 3, 4])
def test_printed_energy(t):
    first = printed_energy(as_tensor(N), PaperBox(1e-9, t, 1.0)).numpy()
    for n, value in zip(N, first, strict=True):
        integral = quad(lambda z, n=n: np.sin(np.pi * n * z) ** 2 * np.sin(np.pi * t * z), 0, 1, limit=200)[0]
        assert value == pytest.approx((-1) ** t * integral, abs=1e-7)
    np.testing.assert_allclose(first, closed_forms.paper_first_order(N, t), atol=1e-7)
    n = N[np.abs(N - t / 2) > 1e-3]
    above = np.cos(np.pi * t) * (4 * n**2 + t**2 * np.cos(2 * np.pi * n) - t**2)
    above += 2 * n * (t * np.sin(2 * np.pi * n) * np.sin(np.pi * t) - 2 * n)
    printed = (-1) ** t * above / (2 * np.pi * t * (t**2 - 4 * n**2))
    np.testing.assert_allclose(first[np.abs(N - t / 2) > 1e-3], printed, atol=1e-7)


def test_corrected_energy_is_the_second_order_at_levels():
    box = PaperBox(np.pi**2, 1.0, 1.0)  # A = L = t = 1
    second = corrected_energy(as_tensor([1, 2, 3]), box).numpy() - np.pi**2 * np.array([1, 4, 9])
    np.testing.assert_allclose(second[:2], [-0.0158314, 0.0105543], atol=5e-8)
    np.testing.assert_allclose(second, [closed_forms.box_second_order(n, 1.0) for n in (1, 2, 3)], atol=1e-9)


@pytest.mark.parametrize("t", [1, 90, 150, 300])
def test_corrected_energy_sums_all_states_that_matter(t):
    levels = [1, 7, t, 2 * t + 1]
    second = corrected_energy(as_tensor(levels), PaperBox(np.pi**2, t, 1.0)).numpy() - np.pi**2 * np.square(levels)
    expected = [closed_forms.box_second_order(n, t) for n in levels]
    np.testing.assert_allclose(second, expected, rtol=1e-3, atol=1e-9)


def test_corrected_energy_has_no_pole_and_finite_slopes():
    n = as_tensor(np.linspace(0, 5, 5001)).requires_grad_()
    energy = corrected_energy(n, PaperBox(1.0, 1.5, 2.0))
    energy.sum().backward()
    assert torch.isfinite(n.grad).all()
    assert energy.diff().abs().max() < 0.02


@pytest.mark.parametrize("t", [2, 3])
def test_printed_slope_is_finite_where_the_formula_is_0_over_0(t):
    n = as_tensor([t / 2, t / 2 + 1e-5]).requires_grad_()
    printed_energy(n, PaperBox(0.01, t, 1.0)).sum().backward()
    np.testing.assert_allclose(n.grad[0], n.grad[1], atol=1e-3)


def test_quantum_number_by_hand():
    """Paper 000's formula returns .757 for n = 1 at z = .3; the corrected one returns it, but 4/3 for n = 2."""
    z = as_tensor([0.3, 0.3])
    psi = np.sqrt(2) * torch.sin(np.pi * as_tensor([1, 2]) * z)
    np.testing.assert_allclose(quantum_number(psi, z, 1.0)[0], 0.757, atol=5e-4)
    np.testing.assert_allclose(quantum_number(psi, z, 1.0, "corrected"), [1.0, 4 / 3])
    np.testing.assert_allclose(quantum_number(psi, z, 1.0), closed_forms.paper_quantum_number_printed(psi, z))
    np.testing.assert_allclose(quantum_number(psi, z, 1.0, "corrected"), closed_forms.quantum_number(psi, z))


@pytest.mark.parametrize("objective", ["paper", "corrected"])
def test_quantum_number_at_the_edges_of_its_domain(objective):
    psi = as_tensor([0.0, 1.0, np.sqrt(2), 5.0]).requires_grad_()
    n = quantum_number(psi, as_tensor([0.0, 0.0, 0.5, 0.5]), 1.0, objective)
    n.sum().backward()
    assert torch.isfinite(n).all()
    assert torch.isfinite(psi.grad).all()
    np.testing.assert_allclose(n[2:].detach(), 1.0, atol=1e-3)


def test_optimum_depends_on_the_radius_alone_by_two_plateaus():
    radius = np.array([1e-6, 0.1, 0.27, 0.34, 0.5, 1.0, 2.0])
    best = pointwise_optimum(radius, t=3, alpha=0.01)
    np.testing.assert_allclose(best.energy[:3], -0.234, atol=5e-4)
    np.testing.assert_allclose(best.energy[3:6], -0.104, atol=5e-4)
    assert -0.104 < best.energy[6] < 0  # the arcsin's cap is then below both minima
    assert (best.n <= 0.5 / np.maximum(radius, 1e-3)).all()
    slow = [printed_energy(as_tensor(np.linspace(0, min(0.5 / max(r, 0.05), 10), 4001)), PaperBox(0.01, 3, 1.0)).min()
            for r in radius]  # fmt: skip
    np.testing.assert_allclose(best.energy, slow, atol=1e-4)


def test_no_network_goes_below_the_optimum_and_training_approaches_it():
    rng = np.random.default_rng(0)
    Z = rng.uniform(0.3, 1.5, (1000, 1))
    net = EigenNet(objective="paper", t=3, alpha=0.01, length=1.0, n_epochs=150, random_state=0).fit(Z)
    best = pointwise_optimum(np.abs(Z[:, 0]), t=3, alpha=0.01)
    energies = net.energies_of(Z)
    assert (energies > best.energy - 1e-5).all()
    assert np.mean(energies - best.energy) < 0.02
