"""What `zm.LatentSpectrum` counts in shapes that are one set, and in two sets: what kappa can and cannot tell.

3,000 samples each, several seeds. kappa_k is the separation of the k sets counted (of two, where one is counted), the
valley the density halfway between the two sets parted least over that at their sides.

    python benchmarks/spectrum_shapes.py [--seeds 6] [--shapes SHAPE ...]
"""

from __future__ import annotations

import argparse
import os
import platform
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np

import zeeman as zm

SAMPLES = 3_000


def arc(rng: np.random.Generator, turns: float, thickness: float) -> np.ndarray:
    angle = rng.uniform(0.0, 2.0 * np.pi * turns, SAMPLES)
    return np.c_[np.cos(angle), np.sin(angle)] + thickness * rng.standard_normal((SAMPLES, 2))


def gaussians(rng: np.random.Generator, apart: float, dim: int = 2) -> np.ndarray:
    Z = rng.standard_normal((SAMPLES, dim))
    Z[:, 0] += apart * rng.integers(0, 2, SAMPLES)
    return Z


SHAPES = {
    "Gaussian, d = 2": lambda rng: gaussians(rng, 0.0),
    "Gaussian, d = 8": lambda rng: gaussians(rng, 0.0, 8),
    "Gaussian, axes 3, 1, 0.3": lambda rng: gaussians(rng, 0.0, 3) * [3.0, 1.0, 0.3],
    "Student t, 3 degrees, d = 2": lambda rng: rng.standard_t(3.0, (SAMPLES, 2)),
    "square": lambda rng: rng.random((SAMPLES, 2)),
    "sheet, 10 x 1": lambda rng: rng.random((SAMPLES, 2)) * [10.0, 1.0],
    "quarter of a ring, thick": lambda rng: arc(rng, 0.25, 0.2),
    "half a ring": lambda rng: arc(rng, 0.5, 0.1),
    "three quarters of a ring": lambda rng: arc(rng, 0.75, 0.1),
    "ring": lambda rng: arc(rng, 1.0, 0.1),
    "ring, thick": lambda rng: arc(rng, 1.0, 0.3),
    "two Gaussians, 2.5 apart": lambda rng: gaussians(rng, 2.5),
    "two Gaussians, 3 apart": lambda rng: gaussians(rng, 3.0),
    "two Gaussians, 4 apart": lambda rng: gaussians(rng, 4.0),
}


def row(name: str, seeds: int) -> str:
    fits = [
        zm.LatentSpectrum(n_states=6, random_state=seed, n_bootstrap=0).fit(SHAPES[name](np.random.default_rng(seed)))
        for seed in range(seeds)
    ]
    counted = [fit.n_clusters_ for fit in fits]
    at = [max(2, k) for k in counted]
    kappa = [fit.separation_[k] for fit, k in zip(fits, at, strict=True)]
    valley = [fit.valley_[k] for fit, k in zip(fits, at, strict=True)]
    counts = ", ".join(f"{k} ({counted.count(k)} of {seeds})" for k in sorted(set(counted)))
    return f"| {name} | {counts} | {min(kappa):.2f} to {max(kappa):.2f} | {min(valley):.2f} to {max(valley):.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES))
    given, start = parser.parse_args(), time.process_time()
    print("| shape | sets counted | kappa | valley |\n|---|---|---|---|")
    for name in given.shapes:
        print(row(name, given.seeds), flush=True)
    print(f"\n{platform.machine()}, {time.strftime('%Y-%m-%d')}, {time.process_time() - start:.0f} s of processor time")


if __name__ == "__main__":
    main()
