"""How fast spins turn: multi-spin Metropolis, Swendsen-Wang and Wolff beside a plain Metropolis, in one run.

    python benchmarks/spins.py [--json FILE] [--truth]

The floor, counted in 256-bit operations (AVX2) on 4 words, that is 256 spins of the square lattice:

    random words        10 digits x (3 add, 2 xor, 3 shift, 1 shuffle and 1 counter)   100
    thresholds          10 digits x (1 tie + 2 thresholds x 2)                           50
    neighbours          4 xor + 1 coupling + 4 x 5 to mark 1 or 2 broken bonds, less     20
    selection, flip     8, loads and stores 25                                          33

about 200 operations for 256 updates, 0.8 an update; at 3 to 4 a cycle and 3.4 GHz that is 13 to 17 G updates/s, were
nothing else to be done. What remains is the one spin in 2^10 that ties in all ten digits and takes a branch. A plain
update needs at least one random word, a table look-up and a branch that often goes the unexpected way: 4 to 5 ns.
Swendsen-Wang reads two bonds a site: 20 operations of random words a site, and one unpredictable branch a bond.
"""

from __future__ import annotations

import argparse
import statistics as middle
import time
from pathlib import Path

import numpy as np

from zeeman import spins
from zeeman.base.store import write_json
from zeeman.spins import Ising, exact, moves, observables, square
from zeeman.studies import naive, speeds

TC = exact.CRITICAL_TEMPERATURE["square"]
TEMPERATURES = (1.8, TC, 2.8)


def timed(action, work, repeats=5):
    """Best and median rate of `work` units an `action` by the thread's own clock, after one that compiles.

    Time given to other processes on a shared machine does not count; what they take of cache and memory does.
    """
    action()
    seconds = []
    for _ in range(repeats):
        start = time.thread_time()
        action()
        seconds.append(time.thread_time() - start)
    return {"best": work / min(seconds), "median": work / middle.median(seconds)}


def plain(t, length=32, n_sweeps=1500):
    work = naive.metropolis_work(t, length)
    return timed(lambda: naive.metropolis(*work, n_sweeps), n_sweeps * length**2)


def updates(method, t, length=32, n_chains=2048, n_sweeps=400, lattice=square, field=0.0):
    model, rng = Ising(lattice(length), field=field), np.random.default_rng(0)
    chains = moves.start(model, method, t, n_chains, "ordered", rng)
    chains.advance(50)
    return timed(lambda: chains.advance(n_sweeps), n_sweeps * n_chains * model.lattice.n_sites)


def wolff(t, length=32, n_clusters=3000):
    chains = moves.start(Ising(square(length)), "wolff", t, 1, "ordered", np.random.default_rng(0))
    rates = []
    for _ in range(6):
        before, start = chains.n_flipped, time.thread_time()
        chains.advance(n_clusters)
        rates.append((chains.n_flipped - before) / (time.thread_time() - start))
    return {"best": max(rates[1:]), "median": middle.median(rates[1:])}


def job(n_threads=2, n_samples=5000):
    model, temperatures = Ising(square(32)), np.linspace(1.6, 2.95, 20)
    start = time.perf_counter()
    spins.sample(model, temperatures[[0, 10]], 64, seed=1, n_threads=n_threads)
    warm = time.perf_counter()
    ds = spins.sample(model, temperatures, n_samples, seed=0, n_threads=n_threads)
    seconds = time.perf_counter() - warm
    z = []
    for k, t in enumerate(temperatures):
        energy = ds.energy.values[k * n_samples : (k + 1) * n_samples]
        error = energy.std() / np.sqrt(ds.attrs["effective_sample_size"][k])
        z.append(float((energy.mean() - exact.ising_energy(t, 32)) / error))
    return {
        "seconds": seconds, "first_call_seconds": warm - start, "configurations": ds.sizes["sample"],
        "methods": ds.attrs["method"], "effective": sum(ds.attrs["effective_sample_size"]), "z_of_energy": z,
    }  # fmt: skip


def mcising(method, t, length=32, n_sweeps=2000):
    """Site updates a second of the Rust package mcising (PyPI), or None where it is not installed."""
    try:
        from mcising._core import IsingSimulation
    except ImportError:
        return None
    other = IsingSimulation(length, 1.0, 0.0, 0.0, 0.0, 1, method, "square")
    other.sweep(200, temperature=t)
    return timed(lambda: other.sweep(n_sweeps, temperature=t), n_sweeps * length**2)


def truth():
    """Energy and moments of multi-spin Metropolis at L = 8 against the tables, errors at most 2e-4."""
    table = {
        2.0: (0.911452266143, 0.841671184622, 0.734015204920, 0.654618649250),
        TC: (0.777331092787, 0.646911574994, 0.485815234126, 0.613045384943),
        2.5: (0.603128979407, 0.432099078576, 0.266552513260, 0.524122855863),
    }
    rows = []
    for t, expected in table.items():
        ds = spins.sample(Ising(square(8)), t, 3_000_000, "metropolis", seed=11)
        m, n = spins.magnetization(ds.configuration.values), ds.attrs["effective_sample_size"][0]
        samples = {"energy": ds.energy.values, "|m|": abs(m), "m2": m**2, "m4": m**4}
        exacts = (float(exact.ising_energy(t, 8)), *expected[:3])
        for (name, values), value in zip(samples.items(), exacts, strict=True):
            rows.append((t, name, float(values.mean()), value, float(values.std() / np.sqrt(n))))
        spread = (m**4 - 2 * expected[2] / expected[1] * m**2).std() / (3 * expected[1] ** 2)
        rows.append((t, "U4", observables.binder_cumulant(m), expected[3], float(spread / np.sqrt(n))))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--truth", action="store_true", help="check moments to 2e-4 as well")
    options = parser.parse_args()
    results = {"rates": [], "job": None}
    print(f"{'one core, 32 x 32':34s} {'T':>6s} {'best':>10s} {'median':>10s} {'x plain':>8s}   (M updates/s)")
    for t in TEMPERATURES:
        base = plain(t)
        rows = {
            "plain Metropolis": base,
            "multi-spin Metropolis": updates("metropolis", t),
            "Swendsen-Wang": updates("swendsen-wang", t, n_chains=1, n_sweeps=2000),
            "Swendsen-Wang, 128 x 128": updates("swendsen-wang", t, 128, n_chains=1, n_sweeps=150),
            "Wolff, flipped spins": wolff(t),
            "mcising Metropolis": mcising("metropolis", t),
            "mcising Swendsen-Wang": mcising("swendsen_wang", t),
        }
        for name, rate in rows.items():
            if rate is None:
                continue
            ratio = rate["median"] / base["median"]
            results["rates"].append({"name": name, "temperature": t, "ratio_to_plain": ratio, **rate})
            print(f"{name:34s} {t:6.3f} {rate['best'] / 1e6:10.1f} {rate['median'] / 1e6:10.1f} {ratio:8.1f}")
    others = ((spins.chain, 1024, 0.0), (spins.triangular, 32, 0.0), (spins.honeycomb, 24, 0.0), (spins.cubic, 10, 0.0))
    for lattice, length, field in (*others, (square, 32, 0.2)):
        rate = updates("metropolis", 3.0, length, n_sweeps=200, lattice=lattice, field=field)
        name = f"multi-spin, {lattice.__name__} {length}" + (f", field {field}" if field else "")
        results["rates"].append({"name": name, "temperature": 3.0, **rate})
        print(f"{name:34s} {3.0:6.3f} {rate['best'] / 1e6:10.1f} {rate['median'] / 1e6:10.1f}")
    results["job"] = job()
    print("100,000 configurations of 32 x 32, two threads: {seconds:.1f} s (first call, compiling: "
          "{first_call_seconds:.1f} s), effective {effective:.0f}".format(**results["job"]))  # fmt: skip
    print("  z of energy by temperature:", " ".join(f"{z:+.1f}" for z in results["job"]["z_of_energy"]))
    if options.truth:
        results["truth"] = truth()
        for t, name, found, value, error in results["truth"]:
            print(
                f"T = {t:.4f} {name:7s} {found:.6f} +- {error:.6f} exact {value:.6f} z {(found - value) / error:+.2f}"
            )
    if options.json:
        write_json(options.json, {**results, **speeds.occasion()})


if __name__ == "__main__":
    main()
