"""Paper 000, Fig. 2: energies of samples where they are known in closed form; and that everything runs."""

from __future__ import annotations

import numpy as np
import pytest

from zeeman.plots.style import save
from zeeman.studies.figures import Shelf, figure, judge, size_of
from zeeman.studies.figures import _classes as data
from zeeman.studies.figures import _levels_pieces as pieces
from zeeman.studies.figures._moving import costs, moving, permuted_moving
from zeeman.studies.figures.shelf import write_numbers


@pytest.mark.parametrize("share", [0.5, 0.3, 0.1])
def test_the_energy_of_a_sample_is_that_of_leaving_its_set(share):
    """Of two sets with shares p and 1 - p and one level E: E (1 - p) in the first and E p in the second."""
    n = 1000
    first = np.arange(n) < share * n
    f = np.where(first, np.sqrt((1 - share) / share), -np.sqrt(share / (1 - share)))
    energies = pieces._local_energy(np.column_stack([np.ones(n), f]), np.array([0.0, 2.0]))
    np.testing.assert_allclose(energies, np.where(first, 2.0 * (1 - share), 2.0 * share))


def test_the_energy_of_a_sample_forgets_how_equal_levels_are_mixed():
    rng = np.random.default_rng(0)
    states, angle = rng.standard_normal((50, 3)), 0.7
    turned = states.copy()
    turned[:, 1:] = states[:, 1:] @ [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    energies = np.array([0.0, 0.3, 0.3])
    np.testing.assert_allclose(pieces._local_energy(turned, energies), pieces._local_energy(states, energies))


def test_eta_squared_is_the_share_between_groups():
    rng = np.random.default_rng(0)
    labels = np.arange(900) % 3
    noise = rng.standard_normal(900)
    assert data.eta_squared(labels.astype(float), labels) == pytest.approx(1.0)
    assert data.eta_squared(np.ones(900), labels) == 0.0
    assert data.eta_squared(0.3 + 1e-16 * labels, labels) == 0.0  # rounding is no separation
    null = [data.eta_squared(noise, shuffled) for shuffled in data.permuted(labels, 400, 0)]
    error = np.std(null) / np.sqrt(len(null))
    assert abs(np.mean(null) - 2 / 899) < 5 * error  # (k - 1) / (n - 1)


def test_groups_of_numbers_are_compared_with_labels():
    labels = np.arange(300) % 3
    assert data.grouping_ari(10.0 * labels, labels, 3) == 1.0
    assert data.grouping_ari(-1e-7 * labels, labels, 3) == 1.0  # neither order nor units matter
    assert data.grouping_ari(np.full(300, 2.0), labels, 3) == 0.0


def test_shells_hold_as_many_samples_each():
    Z = np.random.default_rng(0).standard_normal((3000, 5))
    counts = np.bincount(pieces._shells(Z))
    assert len(counts) == 30
    assert counts.min() >= 99
    assert counts.max() <= 101


def test_everything_runs_and_is_small(tmp_path):
    one, size = figure("000-2"), size_of("smoke")
    numbers = one.compute(size, Shelf(tmp_path, progress=False))
    write_numbers(tmp_path / "numbers.npz", numbers)
    assert (tmp_path / "numbers.npz").stat().st_size < 500_000
    verdicts = judge(one.claims, numbers)
    assert all(len(verdict.values) == 1 for verdict in verdicts)
    assert {verdict.verdict for verdict in verdicts} <= {"holds", "does not hold"}
    picture = one.draw(numbers)
    save(picture, tmp_path / "figure.png", dpi=50)  # warnings are errors: what does not fit is found here
    assert len(picture.axes) == 3 * 2 * 2 + 1 + 2  # pairs, a colour bar, scores


def test_the_cost_of_moving_is_the_distance_of_gaussians_and_energies_in_its_order_are_seen():
    """Equal spheres of width s on a line: D = |m_a - m_b|^2 / 8 s^2; energies at their places have its order."""
    rng, places = np.random.default_rng(0), np.array([0.0, 1.0, 4.0])
    labels = np.repeat([0, 1, 2], 4000)
    Z = np.column_stack([places[labels], np.zeros(len(labels))]) + 0.5 * rng.standard_normal((len(labels), 2))
    cost = costs(Z, labels)
    np.testing.assert_allclose(cost, np.array([1.0, 16.0, 9.0]) / (8 * 0.25), rtol=0.05)
    assert moving(places[labels], labels, cost) == pytest.approx(1)
    assert moving(np.zeros(len(labels)), labels, cost) == 0
    null = permuted_moving(places[labels], labels, cost, 300, 0)
    assert {round(v, 6) for v in null} <= {-1.0, -0.5, 0.5, 1.0}
    assert abs(null.mean()) < 5 * null.std() / np.sqrt(300)
