"""Latent spaces of models: multiplets of planted codes, maps that are known, cases that their groups allow."""

from itertools import permutations

import numpy as np
import pytest

from zeeman.spectrum import LatentSpectrum
from zeeman.spins.models.potts import simplex
from zeeman.studies.latents import CASES, shapes
from zeeman.studies.latents.multiplets import centres, random_splittings, splittings


def energies(Z, n_states, n_clusters=None):
    return LatentSpectrum(n_states, n_clusters, random_state=0, n_bootstrap=0).fit(Z).energies_


def test_even_codes_on_a_circle_have_the_levels_of_a_planar_rotor():
    angle = 2 * np.pi * np.arange(1500) / 1500
    Z = 2.0 * np.column_stack([np.cos(angle), np.sin(angle)])
    E = energies(Z, 8, 1)  # a ring is one set
    sizes = (1, 2, 2, 2)
    assert splittings(E, sizes).max() < 0.02
    middle = centres(E, sizes)
    np.testing.assert_allclose(middle[1], 1 / (2 * 2.0**2), rtol=0.05)  # m^2 / 2 R^2
    np.testing.assert_allclose(middle[1:] / middle[1], [1, 4, 9], rtol=0.05)


def test_even_codes_on_a_sphere_have_the_levels_of_a_rotor_in_space():
    n = 2000
    z = 1 - 2 * (np.arange(n) + 0.5) / n  # a spiral of equal areas
    angle = np.pi * (1 + np.sqrt(5)) * np.arange(n)
    Z = np.column_stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z])
    E = energies(Z, 10, 1)
    assert splittings(E, (1, 3, 5)).max() < 0.15
    middle = centres(E, (1, 3, 5))
    np.testing.assert_allclose(middle[1], 1.0, rtol=0.08)  # l (l + 1) / 2 R^2
    np.testing.assert_allclose(middle[2] / middle[1], 3.0, rtol=0.08)


@pytest.mark.parametrize("q", [3, 4])
def test_noisy_corners_of_a_simplex_have_a_level_of_q_minus_one(q):
    # about corner 0, and the same about all images of it: a cloud that permutations of the corners leave as it is
    rng, corner = np.random.default_rng(q), simplex(q)
    cloud = 2.5 * corner[0] + rng.standard_normal((100, q - 1))
    turns = [corner[list(order)].T @ corner * (q - 1) / q for order in permutations(range(q))]
    Z = np.concatenate([cloud @ turn for turn in turns])
    E = energies(Z, q + 2)
    assert splittings(E, (1, q - 1))[1] < 0.25
    assert E[q] > 2 * E[q - 1]


def test_splittings_are_those_of_the_definition():
    # width 1, gaps 2 below and 4 above: 1 / (1 + 2)
    np.testing.assert_allclose(splittings([0.0, 2.0, 3.0, 7.0], (1, 2)), [0.0, 1 / 3])
    np.testing.assert_allclose(splittings([0.0, 2.0, 2.0, 2.0, 9.0], (1, 3)), [0.0, 0.0])
    np.testing.assert_allclose(centres([0.0, 2.0, 3.0, 7.0], (1, 2)), [0.0, 2.5])
    with pytest.raises(ValueError, match="need 4"):
        splittings([0.0, 1.0, 2.0], (1, 2))


def test_levels_that_know_nothing_of_one_another_are_split():
    drawn = random_splittings((1, 2, 2, 2), np.random.default_rng(0), 2000)
    assert np.median(drawn) > 0.7
    assert np.mean(drawn < 0.25) < 0.02
    # one doublet: w ~ Exp(1), min g ~ Exp(2), so P(w / (w + min g) > s) = (1 - s) / (1 - s / 2)
    drawn = random_splittings((1, 2), np.random.default_rng(1), 20_000)
    for s in (0.25, 0.5, 0.75):
        p = (1 - s) / (1 - s / 2)
        assert abs(np.mean(drawn > s) - p) < 5 * np.sqrt(p * (1 - p) / len(drawn))


def test_maps_undo_what_was_done_to_an_order_parameter():
    rng = np.random.default_rng(0)
    M = rng.standard_normal((400, 3))
    Q, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    moved = 2.5 * M @ Q + 1.0
    for fit in (shapes.turned, shapes.linear_map):
        P = fit(moved[:200], M[:200], moved[200:])
        np.testing.assert_allclose(P, M[200:], atol=1e-10)
        assert shapes.agreement(M[200:], P) == pytest.approx(1.0)
    stretched = M * [1.0, 3.0, 0.3]
    assert shapes.agreement(M, shapes.linear_map(stretched, M, stretched)) == pytest.approx(1.0)
    assert shapes.agreement(M, shapes.turned(stretched, M, stretched)) < 0.95
    other = rng.standard_normal((400, 3))
    assert abs(shapes.agreement(M[200:], shapes.linear_map(other[:200], M[:200], other[200:]))) < 0.4


def test_shapes_are_measured_as_they_are():
    angle = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    hexagon = np.column_stack([np.cos(angle), np.sin(angle)])
    assert shapes.edge_ratio(hexagon, ring=True) == pytest.approx(1.0)
    assert shapes.edge_ratio(hexagon, ring=False) == pytest.approx(0.5)
    assert shapes.radial_spread(hexagon) == pytest.approx(0.0, abs=1e-12)
    # a Gaussian cloud in the plane: Rayleigh, sqrt(4 / pi - 1)
    cloud = np.random.default_rng(0).standard_normal((20_000, 2))
    assert shapes.radial_spread(cloud) == pytest.approx(np.sqrt(4 / np.pi - 1), rel=0.03)
    assert shapes.cosines(hexagon, -hexagon) == pytest.approx(-1.0)
    states = np.repeat(np.arange(6), 20)
    Z = np.repeat(hexagon, 20, axis=0)
    np.testing.assert_allclose(shapes.corners(Z, states), hexagon)
    assert shapes.corner_score(Z + 0.01 * np.sin(np.arange(240)).reshape(120, 2), states, 6, 0) == pytest.approx(1.0)


def test_multiplets_of_a_case_are_those_of_its_group():
    for case in CASES.values():
        discrete = case.shape in ("simplex", "polygon", "strip")
        # functions on the ordered states: as many as there are
        assert sum(case.sizes) == case.n_clusters or not discrete
        assert [one.ideal for one in case.multiplets] == sorted(one.ideal for one in case.multiplets)
        assert case.multiplets[1].ideal == pytest.approx(1.0)


@pytest.mark.parametrize("key", [key for key, case in CASES.items() if case.shape in ("simplex", "polygon")])
def test_ideal_energies_are_those_of_hops_between_ordered_states(key):
    case, q = CASES[key], CASES[key].n_clusters
    a = np.arange(q)
    hops = 1.0 - np.eye(q) if case.shape == "simplex" else (np.abs((a[:, None] - a + 1) % q - 1) == 1).astype(float)
    E = np.linalg.eigvalsh(np.diag(hops.sum(axis=1)) - hops)
    ideal = np.concatenate([[one.ideal] * one.size for one in case.multiplets])
    np.testing.assert_allclose(E / E[1], ideal, atol=1e-9)
