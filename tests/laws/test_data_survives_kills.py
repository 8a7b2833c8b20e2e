"""Law: whatever the moment of a kill, every acknowledged sample is there, and nothing that was not committed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from zarr.storage import LocalStore

from zeeman.data import DatasetWriter, open_dataset, write_dataset

TOTAL, PIECE = 4000, 37

WRITER = """
import sys
import numpy as np, xarray as xr
sys.path.insert(0, {here!r})
from test_data_survives_kills import PIECE, TOTAL, samples
from zeeman.data import DatasetWriter

with DatasetWriter(sys.argv[1], samples(0, 1), n_total=TOTAL, settings={{"seed": 0}}) as writer:
    print(writer.n_committed, flush=True)
    while writer.n_committed < TOTAL:
        n = writer.n_committed
        print(writer.append(samples(n, min(n + PIECE, TOTAL))), flush=True)
"""


def samples(start, stop):
    """Samples that know their number: any gap, repetition or false tail shows."""
    number = np.arange(start, stop)
    bits = (number[:, None] >> np.arange(16)) & 1
    spins = np.repeat(2 * bits - 1, 16, axis=1).reshape(-1, 16, 16).astype(np.int8)
    return xr.Dataset(
        {"configuration": (("sample", "x", "y"), spins), "energy": ("sample", number + 0.5)},
        coords={"state": ("sample", np.where(number % 3 == 0, "FM+", "PM").astype("U3"))},
    )


def test_a_real_writer_killed_at_random_moments(tmp_path):
    path, rng = tmp_path / "a.zarr", np.random.default_rng(0)
    script = WRITER.format(here=str(Path(__file__).parent))
    acknowledged, kills = 0, 0
    while acknowledged < TOTAL and kills < 6:
        process = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True)
        assert int(process.stdout.readline()) >= acknowledged  # it goes on, it does not begin again
        for _ in range(rng.integers(1, 12)):
            line = process.stdout.readline()
            acknowledged = int(line) if line else acknowledged
        time.sleep(rng.uniform(0, 0.05))  # into the middle of a write
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged = max([acknowledged, *map(int, rest.split())])
        kills += 1
        back = open_dataset(path)
        assert back.sizes["sample"] >= acknowledged
        xr.testing.assert_identical(back, samples(0, back.sizes["sample"]))
        assert xr.open_zarr(path).sizes["sample"] == back.sizes["sample"]
    assert kills >= 3
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[0]) >= acknowledged
    xr.testing.assert_identical(open_dataset(path), samples(0, TOTAL))


class Killed(Exception):
    """Stands for the end of the process at one file operation."""


@pytest.mark.parametrize("stage", ["create", "append", "reopen"])
def test_stopped_at_every_single_file_operation(tmp_path, monkeypatch, stage):
    """Exhaustive in place of random: the k-th operation on files never happens, nor any after it, for every k."""
    operations, allowed = [], [10**9]

    def counted(operation):
        def call(*args, **kwargs):
            operations.append(operation)
            if len(operations) > allowed[0]:
                raise Killed
            return operation(*args, **kwargs)

        return call

    monkeypatch.setattr(LocalStore, "set", counted(LocalStore.set))
    monkeypatch.setattr(LocalStore, "delete", counted(LocalStore.delete))
    for name in ("replace", "rename"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))

    def killed(*args):
        raise Killed

    def run(path, stop):
        with DatasetWriter(path, samples(0, 1), n_total=90) as writer:
            if writer.n_committed < stop:
                writer.append(samples(writer.n_committed, stop))

    for k in range(200):
        path, before = tmp_path / f"{k}.zarr", {"create": None, "append": 40, "reopen": 40}[stage]
        allowed[0] = 10**9
        if before is not None:
            run(path, before)
        if stage == "reopen":  # what a kill between data and commit leaves behind
            with monkeypatch.context() as patch:
                patch.setattr("zeeman.data.dataset._commit", killed)
                with pytest.raises(Killed):
                    run(path, 80)
        allowed[0] = len(operations) + k
        try:
            run(path, 70)
            finished = True
        except Exception:  # zarr may wrap the kill
            finished = False
        allowed[0] = 10**9
        if path.exists():
            n = open_dataset(path).sizes["sample"]
            assert n in ({0, 70} if stage == "create" else {40, 70})
            xr.testing.assert_identical(open_dataset(path), samples(0, n))
            assert xr.open_zarr(path).sizes["sample"] == n
        else:
            assert stage == "create"
        run(path, 70)
        xr.testing.assert_identical(open_dataset(path), samples(0, 70))
        if finished:
            return
    pytest.fail("the operation never finished")


@pytest.mark.skipif(sys.platform != "linux", reason="folders are swapped in one step on Linux")
def test_a_store_that_is_replaced_is_the_old_or_the_new_one_at_every_kill(tmp_path, monkeypatch):
    path, before, after = tmp_path / "a.zarr", samples(0, 40), samples(40, 70)
    done, allowed = [], [0]

    def counted(operation):
        def call(*args, **kwargs):
            if len(done) >= allowed[0]:
                raise Killed
            done.append(operation)
            return operation(*args, **kwargs)

        return call

    for k in range(20):
        write_dataset(before, path)
        done.clear()
        allowed[0] = k
        with monkeypatch.context() as patch:
            for module, name in ((os, "replace"), (os, "rename"), (shutil, "rmtree")):
                patch.setattr(module, name, counted(getattr(module, name)))
            try:
                write_dataset(after, path)
                finished = True
            except Killed:
                finished = False
        found = open_dataset(path)
        assert found.identical(before) or found.identical(after)
        if finished:
            assert found.identical(after)
            return
    pytest.fail("the operation never finished")
