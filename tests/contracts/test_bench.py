"""What `zeeman bench` says, and that the naive programs it sets us beside do their job."""

import json

import numpy as np
import pytest

from zeeman.spins import Ising, exact, square
from zeeman.studies import bench, naive


def rows(n_threads=None):
    """Metropolis updates."""
    return [bench.Row("spins", "Metropolis", 4.0e9, 8.0e7, "updates/s", "a loop")]


def test_rows_are_ratios_of_one_run(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "BENCHES", {"spins": rows})
    found = bench.bench(out=tmp_path / "b.json", progress=False)
    assert found.rows[0].ratio == 50.0
    stored = json.loads((tmp_path / "b.json").read_text())
    assert stored["rows"][0]["ratio"] == 50.0
    assert stored["machine"]["processors"] >= 1
    lines = bench.table(found).splitlines()
    assert lines[1].split()[1:] == ["4.0", "G", "80.0", "M", "50.0", "updates/s"]


def test_every_bench_says_what_it_measures():
    assert set(bench.plan((), None)["what"]) == {"spins", "models", "training", "replicas"}
    with pytest.raises(ValueError, match="did you mean 'spins'"):
        bench.plan(("spin",), None)


def test_the_naive_metropolis_samples_the_right_energy():
    T, L = 3.0, 8
    spins, *rest = naive.metropolis_work(T, L)
    naive.metropolis(spins, *rest, 500)
    model, energies = Ising(square(L)), []
    for _ in range(4000):
        naive.metropolis(spins, *rest, 8)
        energies.append(float(model.energy(spins.reshape(1, L, L))[0]))
    blocks = np.reshape(energies, (50, 80)).mean(axis=1)
    error = blocks.std(ddof=1) / np.sqrt(len(blocks))
    assert abs(blocks.mean() - exact.ising_energy(T, L)) < 5 * error


def test_a_dry_bench_says_what_it_times_and_refuses_what_it_cannot():
    planned = bench.plan(("spins",), None)
    assert planned["would"] == "time this machine, each beside a plain program"
    assert "training_time" not in planned
    with pytest.raises(ValueError, match="n_threads must be at least 1"):
        bench.plan((), None, n_threads=0)
