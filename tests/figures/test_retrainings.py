"""Paper 000, Fig. 1: exact copies in other frames are the case whose answer is known; and that everything runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from zeeman.plots.style import save
from zeeman.replicas.degeneracy import COLUMNS
from zeeman.replicas.nulls import haar
from zeeman.studies.figures import Shelf, figure, judge, size_of
from zeeman.studies.figures import _classes as data
from zeeman.studies.figures import _retrainings_pieces as pieces
from zeeman.studies.figures.shelf import write_numbers

_ORDER = COLUMNS.index("ordered_correlation")


@pytest.fixture(scope="module")
def copies():
    """Readings of two exactly rotated copies of three sets in five dimensions."""
    rng = np.random.default_rng(0)
    labels = np.arange(450) % 3
    Z = rng.standard_normal((450, 5)) + 8.0 * np.eye(5)[labels] * [1.0, 1.2, 1.5, 0, 0]
    codes = np.array([Z @ Q for Q in haar(5, 2, rng)])
    settings = {"n_classes": 3, "seed": 0, "small": True}
    return pieces._read({"codes": codes, "labels": labels}, settings, None)


def test_a_change_of_frame_is_removed_by_the_spectrum_and_seen_by_raw_axes(copies):
    raw, ours = (copies["values"][pieces.FRAMES.index(frame)].mean(axis=-1) for frame in ("raw", "energies"))
    assert raw[_ORDER] < 0.8
    np.testing.assert_allclose(ours[_ORDER], 1.0, atol=1e-6)
    np.testing.assert_allclose(copies["energies"] - copies["energies"][0], 0.0, atol=1e-6)


def test_printed_energies_of_rotated_copies_are_compared_beside_the_radius(copies):
    _, radius, permuted = copies["printed"]
    np.testing.assert_allclose(radius, 1.0, atol=1e-6)  # no rotation changes |z|
    assert (permuted < 5 / np.sqrt(450)).all()


def test_random_frames_reproduce_the_plane_no_better_than_chance(copies):
    assert copies["null.frame"][_ORDER].mean() < 0.9
    assert (copies["cluster_ari"][0] > 0.99).all()
    assert np.abs(copies["cluster_null"]).max() < 0.05


def test_ln_p_without_and_with_linear_latents_are_gaussian_densities():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((500, 4)) * [3.0, 1.0, 0.5, 0.2] + 1.0
    unseen = X[:100]
    nothing = multivariate_normal(X.mean(axis=0), np.eye(4)).logpdf(unseen).mean()
    assert data._gaussian(X, unseen, 0) == pytest.approx(nothing)
    values, vectors = np.linalg.eigh(np.cov(X.T))
    covariance = np.eye(4) + (values[-1] - 1.0) * np.outer(vectors[:, -1], vectors[:, -1])
    linear = multivariate_normal(X.mean(axis=0), covariance).logpdf(unseen).mean()
    assert data._gaussian(X, unseen, 1) == pytest.approx(linear)


def test_everything_runs_is_small_and_goes_on_from_its_pieces(tmp_path):
    one, size = figure("000-1"), size_of("smoke")
    numbers = one.compute(size, Shelf(tmp_path, progress=False))
    write_numbers(tmp_path / "numbers.npz", numbers)
    assert (tmp_path / "numbers.npz").stat().st_size < 500_000
    verdicts = judge(one.claims, numbers)
    assert all(len(verdict.values) == 1 for verdict in verdicts)
    assert all(verdict.claim.why and verdict.claim.says for verdict in verdicts)
    picture = one.draw(numbers)
    save(picture, tmp_path / "figure.png", dpi=50)  # warnings are errors: what does not fit is found here
    assert len(picture.axes) == 2 * 2 + 4  # planes of two trainings, before and after
    again = one.compute(size, Shelf(tmp_path, progress=False))
    for name, values in numbers.items():
        np.testing.assert_array_equal(values, again[name])
