"""Figures 2 to 4 of paper 002 at the least size that runs, and the readings they are judged by."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from zeeman.studies.figures import Shelf, figure, judge, size_of
from zeeman.studies.figures._ising import kinds_of
from zeeman.studies.figures.decoded_plane import _asymmetry, _distances, _matched, _mean_cosine
from zeeman.studies.figures.latent_phases import _cosine, _off_centre
from zeeman.studies.figures.role_of_beta import _hard_code_loss

STATES = np.array(["AFM+", "AFM-", "FM+", "FM-", "PM"])
DIAMOND = np.array([[0, 1.0], [0, -1.0], [1.0, 0], [-1.0, 0], [0, 0]])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return Shelf(tmp_path_factory.mktemp("shelf"), progress=False)


@pytest.mark.parametrize("key", ["002-2", "002-3", "002-4"])
def test_the_figure_runs_from_data_to_verdicts(key, shelf):
    one = figure(key)
    numbers = one.compute(size_of("smoke"), shelf)
    assert all(verdict.verdict != "not measured" for verdict in judge(one.claims, numbers))
    drawing = one.draw(numbers)
    drawing.canvas.draw()
    plt.close(drawing)


def test_generated_means_are_named_by_order_and_by_saturation():
    parameters = np.array([[0.9, 0.0], [0.1, -0.8], [0.1, 0.1], [0.1, 0.1]])
    saturation = np.array([0.9, 0.8, 0.1, 0.9])
    assert kinds_of(parameters, saturation).tolist() == ["FM", "AFM", "PM", "broken"]


def test_a_diamond_is_orthogonal_centred_symmetric_and_isometric():
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((2, 2)))[0]
    Z = 3.0 * DIAMOND @ turn + [5.0, -2.0]  # none of it knows the axes or the origin
    assert _cosine(STATES, Z) == pytest.approx(0, abs=1e-12)
    assert _off_centre(STATES, Z) == pytest.approx(0, abs=1e-12)
    assert _asymmetry(STATES, Z) == pytest.approx(1)
    np.testing.assert_allclose(_distances(STATES, Z), 3 * _distances(STATES, DIAMOND))


def test_a_bent_diamond_is_seen():
    bent = DIAMOND.copy()
    bent[0] = [1.0, 1.0]
    assert _cosine(STATES, bent) == pytest.approx(1 / np.sqrt(5))
    assert _asymmetry(STATES, bent) == pytest.approx(np.sqrt(2))


def test_two_order_parameters_on_one_axis_do_not_match():
    assert _matched(np.array([[0.9, 0.1], [0.95, 0.2]])) == pytest.approx(0.2)
    assert _matched(np.array([[0.1, 0.9], [0.8, 0.2]])) == pytest.approx(0.8)


def test_orthogonality_is_between_codes_not_axes():
    Z = np.array([[1.0, 1.0], [2.0, 2.0], [-1.0, 1.0]])
    assert _mean_cosine(Z, np.array(["FM+", "FM-", "AFM+"])) == pytest.approx(0, abs=1e-12)


def test_the_role_of_beta_runs_from_data_to_verdicts(shelf):
    one = figure("002-12")
    numbers = one.compute(size_of("smoke"), shelf)
    assert all(verdict.verdict != "not measured" for verdict in judge(one.claims, numbers))
    drawing = one.draw(numbers)
    drawing.canvas.draw()
    plt.close(drawing)


def test_the_code_that_names_its_cluster_pays_the_entropy_of_the_names():
    X = np.stack([np.full((4, 4), s) for s in (-1, -1, 1, 1)])
    assert _hard_code_loss(X, np.array([0, 0, 1, 1]), beta=3.0) == pytest.approx(3 * np.log(2), abs=1e-6)
    assert _hard_code_loss(X, np.zeros(4, int), beta=3.0) == pytest.approx(16 * np.log(2))
