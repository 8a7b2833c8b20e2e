"""Speed of every model and update near T_c, beside a plain Metropolis of the same model and beside peers, in one run.

    python benchmarks/models.py [--only MODEL ...] [--json FILE]

Site updates a second of one core by its own clock, the autocorrelation time tau of the slower of energy and order
parameter, and what both are worth: independent configurations a second. Peers (mcising, peapods, spinmc) are measured
where they are installed, on the same lattice at the same temperature; spinmc gives no series, so no tau. peapods makes
a Metropolis sweep before every cluster update, and its tau is that of m^2. With --json the rows of the named models
replace those that the file holds; the rest stays, so the table can be made in pieces.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np

from zeeman.base.store import write_json
from zeeman.spins import moves
from zeeman.studies import speeds
from zeeman.studies.speeds import Speed

ISING, XY, HEISENBERG = "Ising 32 x 32", "XY 32 x 32", "Heisenberg 10 x 10 x 10"


def clocked(action):
    start = time.process_time()
    result = action()
    return result, time.process_time() - start


def mcising(name, t):
    """Ising by Rust, one chain; its series of energy and magnetisation give tau."""
    from mcising._core import IsingSimulation

    for update, n in (("metropolis", 300_000), ("swendsen_wang", 20_000), ("wolff", 60_000)):
        other = IsingSimulation(32, 1.0, 0.0, 0.0, 0.0, 1, update, "square")
        other.sweep(500, temperature=t)
        (turned, _, _), seconds = clocked(lambda other=other, n=n: other.sweep(n // 10, temperature=t))
        sites = turned if update == "wolff" else n / 10 * 1024  # a step of its Wolff is one cluster
        every = 100 if update == "metropolis" else 1
        seen = other.production_sweeps(n // every, every, temperature=t, store_configs=False)
        columns = [np.asarray(seen["energies"])[None], abs(np.asarray(seen["magnetizations"]))[None]]
        tau, error = speeds.time_of(columns)
        yield Speed(name, "mcising", update.replace("_", "-"), t, sites / seconds, n / 10 / seconds,
                    every * tau, every * error)  # fmt: skip


def peapods(name, t):
    """Ising by Rust, one chain."""
    from peapods import Ising

    for update, n, options in (
        ("metropolis", 300_000, {}),
        ("heat-bath", 300_000, {"sweep_mode": "gibbs"}),
        ("metropolis + swendsen-wang", 30_000, {"cluster_update_interval": 1}),
        ("metropolis + wolff", 30_000, {"cluster_update_interval": 1, "cluster_mode": "wolff"}),
    ):
        other = Ising((32, 32), temperatures=np.array([t]))
        _, seconds = clocked(
            lambda other=other, n=n, options=options: other.sample(n // 10, sequential=True, **options)
        )
        lag = 8000 if "+" not in update else 200
        seen = other.sample(n, sequential=True, autocorrelation_max_lag=lag, **options)
        tau = float(seen["mags2_tau"][0])
        yield Speed(name, "peapods", update, t, n / 10 * 1024 / seconds, n / 10 / seconds, tau,
                    tau * np.sqrt((24 * tau + 2) / (0.75 * n)))  # fmt: skip


def spinmc(name, t):
    """Ising, XY or Heisenberg by Rust, one chain, as a process of its own: the difference of a long and a short run."""
    model = name.split()[0].lower()
    shape, cubic = ([10, 10, 10], True) if name == HEISENBERG else ([32, 32, 1], False)
    offsets = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]] + ([[0, 0, 1], [0, 0, -1]] if cubic else [])
    for update in ("metropolis", "wolff"):
        seconds = []
        for n in (2_000, 22_000):
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "run.toml").write_text(
                    f"[grid]\ndimensions = {shape}\nsublattices = 1\nspin_magnitudes = [1.0]\n"
                    f"periodic_boundary = [true, true, {str(cubic).lower()}]\n"
                    f'[simulation]\ninitial_state = "random"\nboltzmann_constant = 1\nmodel = "{model}"\n'
                    f'equilibration_steps = 1000\nmeasurement_steps = {n}\nalgorithm = "{update}"\nnum_threads = 1\n'
                    f"temperature_range = [{{ start = {t}, end = {t + 0.01}, step = 0.1 }}]\n"
                    '[output]\nsavefile = "result.txt"\nenergy = true\nmagnetization_abs = true\n'
                    f"[[exchange]]\nfrom_sublattice = 0\nto_sublattice = 0\noffsets = {offsets}\nstrength = 1.0\n"
                )
                seconds.append(child_seconds(["-c", "from spinmc import app; app()", "run", "-i", "run.toml"], folder))
        steps = 20_000 / (seconds[1] - seconds[0])
        # it does not say how many sites a cluster turns
        yield Speed(name, "spinmc", update, t, steps * float(np.prod(shape)) if update == "metropolis" else None, steps)


def child_seconds(arguments, folder):
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


PEERS = {"mcising": (mcising, (ISING,)), "peapods": (peapods, (ISING,)), "spinmc": (spinmc, (ISING, XY, HEISENBERG))}


def installed():
    found = {}
    for name in PEERS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            print(f"{name} is not installed: left out")
    return found


def rows_of(name, peers):
    yield speeds.plain(name)
    model = speeds.MODELS[name]()
    for update in moves.moves_of(model):
        if update != "tempering":  # a ladder: its steps are not those of one temperature
            yield speeds.ours(name, update)
    for peer in peers:
        measure, models = PEERS[peer]
        if name in models:
            yield from measure(name, speeds.at_critical(model))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(speeds.MODELS), default=list(speeds.MODELS))
    parser.add_argument("--json", type=Path, help="write the rows here")
    options = parser.parse_args()
    peers = installed()
    for name in options.only:
        rows = []
        for row in rows_of(name, peers):
            rows.append(row)
            print(speeds.text([row]), flush=True)
        if options.json:
            there = json.loads(options.json.read_text())["speeds"] if options.json.is_file() else []
            kept = [row for row in there if row["model"] != name] + [row.to_dict() for row in rows]
            order = list(speeds.MODELS)
            write_json(options.json, {
                "speeds": sorted(kept, key=lambda row: order.index(row["model"])), "peers": peers, **speeds.occasion(),
            })  # fmt: skip


if __name__ == "__main__":
    main()
