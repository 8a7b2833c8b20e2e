"""Oracle of the rate-distortion floor: the same convex problem on a fixed grid of fields, by Blahut's algorithm."""

import itertools

import numpy as np
import pytest

from zeeman.meanfield import collapse_beta, optimal_decoder
from zeeman.meanfield.families import BernoulliSites

SITES = BernoulliSites()


def two_sites(order, shares, n=400, seed=0):
    """Data of two sites in phases of given order, and the four states with their frequencies."""
    rng = np.random.default_rng(seed)
    X = (rng.random((n, 2)) < rng.choice(order, n, p=shares)[:, None]).astype(int)
    states, counts = np.unique(X, axis=0, return_counts=True)
    return X, SITES.statistics(states), counts / n


def grid(n):
    axis = np.concatenate([[1e-9], np.linspace(0, 1, n)[1:-1], [1 - 1e-9]])
    return SITES.fields(np.array(list(itertools.product(axis, repeat=2))))


@pytest.mark.parametrize("beta", [0.4, 0.9, 1.3])
def test_floor_agrees_with_blahut_on_a_grid_of_fields(beta):
    X, states, share = two_sites((0.1, 0.5, 0.8), (0.3, 0.4, 0.3))
    found = optimal_decoder(X, beta, tolerance=1e-5, max_iterations=3000)
    weight = np.exp(SITES.log_prob(grid(41), states) / beta)
    r = np.full(weight.shape[1], 1 / weight.shape[1])
    for _ in range(20_000):
        r = r * ((share / (weight @ r)) @ weight)
    coarse = -beta * share @ np.log(weight @ r)
    assert found.loss <= coarse + found.certificate + 1e-6
    assert coarse - found.loss < 2e-3  # the grid is coarse: it can only lie above


@pytest.mark.parametrize("shares", [(0.1, 0.8, 0.1), (0.3, 0.4, 0.3)])
def test_exact_collapse_agrees_with_a_grid_of_fields(shares):
    """The largest beta at which some weight elsewhere helps, with c(h) on a dense grid of fields of two sites."""
    X, states, share = two_sites((0.05, 0.5, 0.95), shares, seed=1)
    marginal = SITES.fields((share @ states)[None])
    log_ratio = SITES.log_prob(grid(201), states) - SITES.log_prob(marginal, states)
    betas = np.linspace(0.5, 3, 251)
    alive = [(share @ np.exp(log_ratio / beta)).max() > 1 + 1e-7 for beta in betas]
    assert collapse_beta(X) == pytest.approx(betas[np.flatnonzero(alive)[-1]], abs=0.02)
