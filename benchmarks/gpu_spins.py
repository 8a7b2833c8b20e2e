"""Flips a nanosecond of two-state spins on a GPU: torch eager, torch compiled, Triton; energies against Kaufman.

    python benchmarks/gpu_spins.py [--device cuda] [--json FILE]

One command, for any CUDA machine; on a CPU it runs small sizes with what is there, to show that it runs. Every engine
is first held to Kaufman's energy of the same torus at Tc and at T = 2.5 (4.5 sigma, chains independent of one
another); the program ends with an error if one fails. Then each is timed at Tc, in the best of five runs after one that
compiles. The bar is 300 flips/ns on one H100; the floors are counted in `zeeman.spins._kernels_triton`. Sites times
chains are the same at every length, so small lattices show no launch times; the Triton rows try sizes of program.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from zeeman.base.random import stream
from zeeman.base.store import write_json
from zeeman.spins import Ising, exact, square
from zeeman.spins import _kernels_torch as kernels
from zeeman.spins.moves.torch import TwoStates, TwoStatesTriton, _hesitant
from zeeman.studies import speeds

TC = exact.CRITICAL_TEMPERATURE["square"]


class Compiled(TwoStates):
    """The torch engine with its first places compiled; random words stay a call to torch."""

    def __init__(self, *work):
        super().__init__(*work, torch.compile(kernels.first_places, dynamic=False))


def engines(device):
    found = {"torch eager": TwoStates}
    if device.startswith("cuda"):
        found["torch compiled"] = Compiled
        if find_spec("triton"):
            found["triton"] = TwoStatesTriton
            found["triton, 7 rounds"] = with_options(n_rounds=7)
            found["triton, 256 words"] = with_options(size=256)
            found["triton, 512 words, 4 warps"] = with_options(size=512, n_warps=4)
    return found


def with_options(**options):
    def make(*work):
        chains = TwoStatesTriton(*work)
        chains._half_sweep = functools.partial(chains._half_sweep, **options)
        return chains

    return make


def chains_of(make, length, n_chains, temperature, device, seed=0):
    model, rng = Ising(square(length)), stream(seed, "benchmark")
    configurations = np.broadcast_to(model.pattern, (n_chains, length**2))
    return model, make(model, temperature, configurations, rng, device, _hesitant)


def check(name, make, device, length, n_chains):
    """Z scores of the mean energy at two temperatures; ordered starts, 50 tau of a local update at Tc."""
    scores = []
    for t in (TC, 2.5):
        model, chains = chains_of(make, length, n_chains, t, device)
        chains.advance(10 * length**2)
        energies = []
        for _ in range(8):
            chains.advance(length)
            energies.append(model.energy(chains.configurations()))
        means = np.mean(energies, axis=0)
        error = means.std(ddof=1) / np.sqrt(n_chains)
        scores.append(float((means.mean() - exact.ising_energy(t, length)) / error))
        print(f"{name:28s} L = {length} T = {t:.4f}: energy {means.mean():.6f} +- {error:.6f}, z = {scores[-1]:+.2f}")
    return scores


def rate(make, device, length, n_spins, n_sweeps):
    """Flips tried a nanosecond, best of five."""
    n_chains = max(32, n_spins // length**2)
    model, chains = chains_of(make, length, n_chains, TC, device)
    chains.advance(3)
    best = 0.0
    for _ in range(5):
        synchronize(device)
        start = time.perf_counter()
        chains.advance(n_sweeps)
        synchronize(device)
        best = max(best, n_sweeps * n_chains * model.lattice.n_sites / (time.perf_counter() - start) / 1e9)
    return best


def synchronize(device):
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    options = parser.parse_args()
    device = options.device
    gpu = device.startswith("cuda")
    name = torch.cuda.get_device_name(device) if gpu else "this CPU"
    print(f"{name}, torch {torch.__version__}")
    if not gpu:
        print("no CUDA device: small sizes, torch eager alone; the rates say nothing about a GPU")
    lengths, n_spins, n_sweeps = ((64, 256, 1024, 4096), 2**29, 20) if gpu else ((64, 128), 2**19, 2)
    results = {"device": name, "z": {}, "flips_per_ns": {}}
    for engine, make in engines(device).items():
        results["z"][engine] = check(engine, make, device, 16 if gpu else 8, 8192 if gpu else 512)
        results["flips_per_ns"][engine] = {}
        for length in lengths:
            # eager torch writes every intermediate word: fewer spins
            spins = n_spins if engine.startswith("triton") else n_spins // 4
            found = rate(make, device, length, spins, n_sweeps)
            results["flips_per_ns"][engine][length] = found
            print(f"{engine:28s} L = {length:5d}: {found:10.3f} flips/ns")
    if options.json:
        write_json(options.json, {**results, **speeds.occasion()})
    worst = max(abs(z) for scores in results["z"].values() for z in scores)
    sys.exit(f"an energy is off by {worst:.1f} sigma" if worst > 4.5 else 0)


if __name__ == "__main__":
    main()
