"""Measures of agreement against slow and obvious forms, and against other libraries' numbers."""

from itertools import permutations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import spearmanr
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import Lasso, LinearRegression
from sklearn.preprocessing import StandardScaler

from zeeman.replicas.correlated import matched_correlation, ordered_correlation, udr_pair
from zeeman.replicas.maps import affine_r2, procrustes_r2
from zeeman.replicas.posteriors import Posterior, gaussian_wasserstein
from zeeman.replicas.structure import mutual_neighbours
from zeeman.replicas.subspaces import canonical_correlations, linear_cka


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((160, 3)) * [2.0, 1.0, 0.5]
    return a, a @ rng.standard_normal((3, 3)) + 0.7 * rng.standard_normal((160, 3))


HALVES = [(np.arange(80), np.arange(80, 160)), (np.arange(80, 160), np.arange(80))]


def test_matching_is_the_best_of_all_permutations(codes):
    a, b = codes
    r = np.abs(np.corrcoef(a.T, b.T)[:3, 3:])
    assert matched_correlation(a, b) == pytest.approx(max(r[range(3), p].mean() for p in permutations(range(3))))
    ranks = np.abs(spearmanr(a, b).statistic[:3, 3:])
    assert ordered_correlation(a, b, method="spearman") == pytest.approx(np.diagonal(ranks).mean())


def test_cka_is_the_alignment_of_centred_kernels(codes):
    center = np.eye(160) - 1 / 160
    K, L = (center @ z @ z.T @ center for z in codes)
    assert linear_cka(*codes) == pytest.approx((K * L).sum() / np.sqrt((K * K).sum() * (L * L).sum()))


def test_cca_is_that_of_scikit_learn(codes):
    a, b = codes
    expected = []
    for train, test in HALVES:
        u, v = CCA(3, max_iter=5000, tol=1e-12).fit(a[train], b[train]).transform(a[test], b[test])
        expected.append([np.corrcoef(u[:, j], v[:, j])[0, 1] for j in range(3)])
    np.testing.assert_allclose(canonical_correlations(a, b, folds=HALVES), np.mean(expected, axis=0), atol=1e-5)


def test_affine_r2_is_linear_regression(codes):
    expected = []
    for x, y in (codes, codes[::-1]):
        errors = [((y[q] - LinearRegression().fit(x[p], y[p]).predict(x[q])) ** 2).sum() for p, q in HALVES]
        expected.append(1 - sum(errors) / sum(80 * y[q].var(axis=0).sum() for _, q in HALVES))
    assert affine_r2(*codes, folds=HALVES) == pytest.approx(np.mean(expected))


def test_procrustes_beats_every_other_rotation(codes):
    a, b = (z[:, :2] for z in codes)
    everything = [(np.arange(160), np.arange(160))]
    with pytest.raises(ValueError, match="overlap"):
        procrustes_r2(a, b, folds=everything)
    twice_a, twice_b = np.concatenate([a, a]), np.concatenate([b, b])  # the same samples in both halves
    best = procrustes_r2(twice_a, twice_b, folds=[(np.arange(160), np.arange(160, 320))])
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    scanned = []
    for t in np.linspace(0, 2 * np.pi, 721):
        c, s = np.cos(t), np.sin(t)
        for Q in ([[c, s], [-s, c]], [[c, s], [s, -c]]):
            errors = ((b - a @ np.array(Q)) ** 2).sum()
            scanned.append(1 - errors * (1 / (b**2).sum() + 1 / (a**2).sum()) / 2)
    assert best == pytest.approx(max(scanned), abs=1e-4)


def test_ranking_is_the_formula_of_the_paper(codes):
    a, b = (StandardScaler().fit_transform(z) for z in codes)
    scores = []
    for x, y in ((a, b), (b, a)):
        R = np.abs(Lasso(alpha=0.1, tol=1e-8).fit(x, y).coef_).T
        scores.append(np.mean(R.max(axis=0) ** 2 / R.sum(axis=0)) / 2 + np.mean(R.max(axis=1) ** 2 / R.sum(axis=1)) / 2)
    assert udr_pair(*codes) == pytest.approx(np.mean(scores), abs=1e-3)


def test_neighbours_by_brute_force(codes):
    near = []
    for z in codes:
        distances = np.linalg.norm(z[:, None] - z[None], axis=-1)
        np.fill_diagonal(distances, np.inf)
        near.append(np.argsort(distances, axis=1)[:, :7])
    expected = np.mean([len(set(x) & set(y)) / 7 for x, y in zip(*near, strict=True)])
    assert mutual_neighbours(*codes, n_neighbors=7) == pytest.approx(expected)


def test_wasserstein_is_the_formula_with_matrix_roots():
    """Means too far apart for the widths to matter: the frame is that of Procrustes, the distance the textbook's."""
    rng = np.random.default_rng(1)
    mean = 1e4 * rng.standard_normal((20, 2))
    angle = 0.7
    Q = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    s, t = 0.2 + rng.random((2, 20, 2))
    folds = [(np.arange(10), np.arange(10, 20))]
    found = gaussian_wasserstein((mean, s), Posterior(mean @ Q, t), folds=folds)
    expected = []
    for i in range(10, 20):
        S, T = np.diag(s[i] ** 2), Q @ np.diag(t[i] ** 2) @ Q.T
        root = sqrtm(S)
        expected.append(np.trace(S + T - 2 * np.real(sqrtm(root @ T @ root))))
    assert found == pytest.approx(np.sqrt(np.mean(expected)), rel=1e-4)
