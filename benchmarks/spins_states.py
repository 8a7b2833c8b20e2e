"""How fast discrete states turn: every update of every model beside a plain Metropolis of the same model, in one run.

    python benchmarks/spins_states.py [--json FILE]

Sites updated a second on one core by the thread's own clock (Wolff: sites of clusters). A table look-up replaces the
exponential and its branch: what an update costs is its random word (9 operations, four at a time), its neighbours'
code (one product and one sum each, 32 at a time) and one look-up, 3 to 4 ns a site; a plain update takes two look-ups
a neighbour, an exponential and a branch that often goes the unexpected way.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np

from zeeman.spins import BlumeCapel, Clock, Ising, Potts, cubic, moves, square
from zeeman.spins._random_numba import generators, jit, sfc64

MODELS = [  # near their critical points
    (Potts(square(32)), 0.995),
    (Potts(square(32), 10), 0.7012),
    (BlumeCapel(square(32)), 1.6936),
    (Clock(square(32)), 0.9),
    (Clock(square(32), 20), 0.9),
    (Ising(square(32), second_coupling=-0.3), 1.3),
    (Potts(cubic(10)), 1.82),
]
UPDATES = {"metropolis": 128, "heat-bath": 128, "swendsen-wang": 8, "wolff": 8}  # and chains


@jit
def plain(s, neighbours, kind_of, kinds, site, state, n_sweeps):
    """One chain, sites in order: propose another state, sum its cost over the neighbours, accept by an exponential."""
    a, b, c, d = state[0, 0], state[1, 0], state[2, 0], state[3, 0]
    q = site.size
    for _ in range(n_sweeps):
        for i in range(s.size):
            a, b, c, d, word = sfc64(a, b, c, d)
            t = (s[i] + 1 + np.int64(word >> np.uint64(33)) % (q - 1)) % q
            cost = site[t] - site[s[i]]
            for k in range(kind_of.size):
                near = s[neighbours[i, k]]
                cost += kinds[kind_of[k], t, near] - kinds[kind_of[k], s[i], near]
            if cost > 0:
                a, b, c, d, word = sfc64(a, b, c, d)
            if cost <= 0 or np.float64(word) * 2.0**-64 < math.exp(-cost):
                s[i] = t
    state[0, 0], state[1, 0], state[2, 0], state[3, 0] = a, b, c, d


def best(action, repeats=4):
    """Least seconds of an action by the thread's own clock, after one that compiles and warms."""
    action()
    seconds = []
    for _ in range(repeats):
        start = time.thread_time()
        action()
        seconds.append(time.thread_time() - start)
    return min(seconds)


def plain_rate(model, temperature, n_sweeps=200):
    rng, states = np.random.default_rng(0), model.states
    s = model.states_of(model.start("ordered", 1, rng))[0].astype(np.int64)
    near, kind_of = model.reach
    work = s, near, kind_of, states.kinds / temperature, states.site / temperature, generators(rng, 1)
    return n_sweeps * s.size / best(lambda: plain(*work, n_sweeps))


def rate(model, temperature, method, n_chains, n_steps=20):
    chains = moves.start(model, method, temperature, n_chains, "ordered", np.random.default_rng(0))
    chains.advance(20)
    if method != "wolff":
        return n_steps * n_chains * model.lattice.n_sites / best(lambda: chains.advance(n_steps))
    rates = []
    for _ in range(4):
        before, start = chains.n_flipped, time.thread_time()
        chains.advance(20 * n_steps)
        rates.append((chains.n_flipped - before) / (time.thread_time() - start))
    return max(rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    print(f"{'M sites/s':64}{'plain':>7}" + "".join(f"{name:>15}{'':>7}" for name in UPDATES))
    for model, temperature in MODELS:
        naive = plain_rate(model, temperature)
        rates = {name: rate(model, temperature, name, n) for name, n in UPDATES.items()}
        found[f"{model!r} at T = {temperature}"] = {"plain": naive, **rates}
        shown = "".join(f"{value / 1e6:15.0f}{'x' + format(value / naive, '.1f'):>7}" for value in rates.values())
        print(f"{f'{model!r}, T = {temperature}'[:63]:64}{naive / 1e6:7.0f}{shown}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
