"""Energies from samples alone: a million samples, and spectral clustering beside it, in one run.

    python benchmarks/ritz.py [--samples N] [--cluster-samples n] [--json FILE]

The work of `ritz` on N samples in d dimensions with M landmarks, counted (N = 1,000,000, d = 8, M = 500):

    exponents           N M products of d + 1 terms, 2 (d + 1) N M flops                       9 Gflop
    exponentials        N M = 5e8, 5 ns each where numpy has no vector form for them           2.5 s of one core
    sums and means      2 (d + 1) N M                                                         9 Gflop
    u_j, weights        2 (d + 2) N M                                                        10 Gflop
    B = P^T P           symmetric: N M^2                                                     250 Gflop
    X = P^T U           2 N M^2                                                              500 Gflop
    states              the first two rows again, 2 N M n_states                             9 + 10 Gflop, 2.5 s

so 0.8 Tflop, nearly all in one symmetric and one full matrix product, and a billion exponentials. A core that does 45
Gflop/s in double precision needs 17 s for products and 5 s for exponentials. Bytes: P and U of a chunk are 4 MB each
and stay in cache; main memory sees Z twice (64 MB each time), the states once, and one 2 MB sum a chunk and product.

What does not pay, measured on 20,000 samples: products in float32 (1.7 times faster, levels wrong by 2e-6 relative at
best, 1e-2 in wide Gaussians, all of a level near zero between isolated sets); dropping small p_j (between 22 % and all
of them exceed 1e-8; a sparse product is 30 times slower a flop); gradients axis by axis (d symmetric products).

Clustering, k given to all: `ritz` is landmarks (300), one basis of fixed width (1.4 neighbour distances), one solve and
varimax labels; `LatentSpectrum` is what users call, which also chooses the width by held-out energy and counts clusters
against its nulls; `rbf` and `nearest_neighbors` are scikit-learn's SpectralClustering with these affinities and its
defaults; `kmeans` shows how hard the set is. SpectralClustering with rbf fills an n x n matrix: 8 n^2 bytes. Ratios are
rbf's time over ours, by the clock and by processor seconds (of all threads), which other processes disturb less.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_info

from zeeman import LatentSpectrum
from zeeman.hamiltonians import NormalizedGaussians, landmarks, rayleigh_ritz, ritz
from zeeman.spectrum.localized import localize

WIDTH = 1.4


def timed(action):
    """Result, seconds by the clock and processor seconds of all threads."""
    clock, cpu = time.perf_counter(), time.process_time()
    result = action()
    return result, {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - cpu}


def gaussians(Z, n_landmarks):
    centers = landmarks(Z, n_landmarks, seed=0)
    return NormalizedGaussians(centers, WIDTH * float(np.median(cKDTree(centers).query(centers, k=2)[0][:, 1])))


def blobs(n, d, k, seed, stretch=1.0):
    """Draw k Gaussians with nearest centres 6 apart, then stretch each axis of a random frame, up to `stretch`."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((k, d))
    centers *= 6.0 / min(np.linalg.norm(a - b) for i, a in enumerate(centers) for b in centers[:i])
    labels = rng.integers(0, k, n)
    frame = np.linalg.qr(rng.standard_normal((d, d)))[0] * np.geomspace(1.0, stretch, d)
    return (centers[labels] + rng.standard_normal((n, d))) @ frame, labels


def sets(n):
    moons = make_moons(n, noise=0.08, random_state=0)
    return {"blobs": (*blobs(n, 5, 4, 0), 4), "elongated": (*blobs(n, 5, 4, 1, stretch=4.0), 4), "moons": (*moons, 2)}


def large(n_samples, dim, n_landmarks, n_states):
    """Landmarks, forms, solution and states of all samples, each timed, and the memory of the process at its peak."""
    Z = blobs(n_samples, dim, 6, 0)[0]
    steps = {}
    basis, steps["landmarks"] = timed(lambda: gaussians(Z, n_landmarks))
    forms, steps["forms"] = timed(lambda: basis.forms(Z))
    levels, steps["solve"] = timed(
        lambda: rayleigh_ritz(*forms, n_states, ground=basis.constant, unit_norms=True)
    )  # what `ritz` does after its checks
    states, steps["states"] = timed(lambda: basis.apply(Z, levels.coefficients))
    unit = np.abs(states[:, 1:].var(axis=0) - 1.0).max()
    total = {key: sum(step[key] for step in steps.values()) for key in ("seconds", "cpu_seconds")}
    return {
        "samples": n_samples, "dim": dim, "landmarks": len(basis.centers), "states": states.shape[1], "steps": steps,
        "total": total, "peak_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "energies": levels.energies.tolist(), "largest_error_of_a_norm": float(unit),
    }  # fmt: skip


def clustering(Z, truth, k):
    """Seconds, ARI, and ratio of times to SpectralClustering (rbf), of every method on one set."""

    def bare():
        basis = gaussians(Z, 300)
        states = basis.apply(Z, ritz(Z, basis, k).coefficients)
        return np.argmax(states @ localize(states), axis=1)

    methods = {
        "ritz": bare,
        "LatentSpectrum": lambda: LatentSpectrum(k, n_clusters=k, n_bootstrap=0, random_state=0).fit(Z).labels_,
        "rbf": lambda: SpectralClustering(k, random_state=0).fit_predict(Z),
        "nearest_neighbors": lambda: SpectralClustering(k, affinity="nearest_neighbors", random_state=0).fit_predict(Z),
        "kmeans": lambda: KMeans(k, n_init=10, random_state=0).fit_predict(Z),
    }
    rows = {}
    for name, method in methods.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SpectralClustering says that its graph is not connected
            labels, times = timed(method)
        rows[name] = {**times, "ari": float(adjusted_rand_score(truth, labels))}
        print(f"  {name}: {times['seconds']:.2f} s, ARI {rows[name]['ari']:.4f}", file=sys.stderr, flush=True)
    for name in ("ritz", "LatentSpectrum"):
        for key in ("seconds", "cpu_seconds"):
            rows[name][f"ratio_{key}"] = rows["rbf"][key] / rows[name][key]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=8)
    parser.add_argument("--landmarks", type=int, default=500)
    parser.add_argument("--states", type=int, default=10)
    parser.add_argument("--cluster-samples", type=int, default=10_000)
    parser.add_argument("--sets", nargs="*", default=["blobs", "elongated", "moons"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    threads = max(pool["num_threads"] for pool in threadpool_info())
    gaussians(np.random.default_rng(0).standard_normal((500, 2)), 10)  # what is imported late is not timed
    numbers = {"threads": threads}
    if options.samples:  # first: the peak of memory is the process's
        print(f"{options.samples} samples", file=sys.stderr, flush=True)
        numbers["large"] = large(options.samples, options.dim, options.landmarks, options.states)
    numbers["clustering"] = {}
    for name in options.sets:
        print(name, file=sys.stderr, flush=True)
        numbers["clustering"][name] = clustering(*sets(options.cluster_samples)[name])
    text = json.dumps(numbers, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
