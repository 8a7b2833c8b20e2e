"""Replicas trained in forked processes are the replicas trained here, and a lost process is told."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from torch import nn

from zeeman.base.processes import can_fork
from zeeman.base.random import torch_seeded, torch_stream
from zeeman.training import Engine, Plan, Stacked, choose_engine, train
from zeeman.training.forked import Forked
from zeeman.vae import BernoulliLikelihood, LatentModel
from zeeman.vae.model import build_models
from zeeman.vae.start import start_at_principal_components

pytestmark = pytest.mark.skipif(not can_fork(), reason="processes cannot be forked here")


class Paced(nn.Module):
    """A line whose rate is told by a buffer, which someone changes between epochs."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(5, 1), nn.BatchNorm1d(5)
        self.register_buffer("held", torch.ones(()))

    @property
    def pace(self):
        return {"layer": 0.0 if bool(self.held) else 0.5}

    def forward(self, x, noise):
        return torch.stack([((self.layer(self.norm(x)) - x[:, :1] - noise) ** 2).mean()])


def replicas(n):
    modules = []
    for r in range(n):
        with torch_seeded(0, "weights", r):
            modules.append(Paced())
    return modules


def data(n=400):
    return torch.randn(n, 5, generator=torch_stream(0, "data"))


def weights(modules):
    return torch.stack([torch.cat([t.double().flatten() for t in m.state_dict().values()]) for m in modules])


def release(module):
    assert not module.training
    module.held.zero_()
    with torch.no_grad():
        module.layer.weight.mul_(0.9)  # not after every epoch: they have 25 steps


def merit(module):
    return float(module(data(), torch.zeros(400, 1))[0])


def trained(modules, engine, monkeypatch, **options):
    monkeypatch.setattr("zeeman.training.loop.choose_engine", lambda *a, **k: engine)
    plan = Plan(noise_shape=(1,), term_names=("error",), n_epochs=4, batch_size=16)
    return train(modules, data(), plan, validate=merit, after_epoch=release, **options)


@pytest.mark.parametrize("workers", [2, 3])
def test_forked_replicas_are_the_same_replicas(workers, monkeypatch):
    here, forked = replicas(5), replicas(5)
    one = trained(here, Engine("stacked", traced=True), monkeypatch)
    other = trained(forked, Engine("stacked", traced=True, workers=workers), monkeypatch)
    torch.testing.assert_close(weights(here), weights(forked), rtol=1e-5, atol=1e-6)
    assert float((weights(here) - weights(replicas(5))).abs().max()) > 0.01
    for name, row in one.history.items():
        np.testing.assert_allclose(row, other.history[name], rtol=1e-5)


def test_what_is_done_after_an_epoch_is_done_by_the_process_of_the_replica(monkeypatch):
    where = torch.zeros(4, dtype=torch.float64)
    modules = replicas(4)
    monkeypatch.setattr("zeeman.training.loop.choose_engine", lambda *a, **k: Engine("stacked", workers=2))
    plan = Plan(noise_shape=(1,), term_names=("error",), n_epochs=2, batch_size=16)
    seen = train(modules, data(), plan, validate=lambda module: float(os.getpid()))
    where = seen.history["validation"][-1]
    assert where[0] == where[1] == os.getpid()
    assert where[2] == where[3] != os.getpid()


def test_watchers_see_present_weights_in_this_process(monkeypatch):
    modules, seen = replicas(4), []

    def watch(epoch):
        seen.append((epoch, os.getpid(), weights(modules)))

    done = trained(modules, Engine("stacked", workers=2), monkeypatch, watch=watch)
    assert [(epoch, pid) for epoch, pid, _ in seen] == [(epoch, os.getpid()) for epoch in (1, 2, 3, 4)]
    assert torch.equal(seen[-1][2], weights(modules))
    assert not torch.equal(seen[0][2], seen[1][2])
    assert len(done.history["error"]) == 4


def test_steps_run_ahead_and_sums_are_complete():
    engine = Engine("stacked", workers=2)
    whole, forked = Stacked(replicas(4)), engine.build(replicas(4))
    for modules in (whole.modules, forked.modules):
        for module in modules:
            module.held.zero_()
    batch, noise = data(64).reshape(4, 16, 5), torch.zeros(4, 16, 1)
    for ensemble in (whole, forked):
        for k in range(150):  # more than there are slots
            ensemble.step(batch + k % 7, noise, 1e-2)
    torch.testing.assert_close(whole.collect(), forked.collect())
    assert torch.equal(forked.collect(), torch.zeros(4, 1, dtype=torch.float64))
    forked.close()
    expected, found = weights(whole.modules_in_step()), weights(forked.modules_in_step())
    torch.testing.assert_close(expected, found, rtol=1e-5, atol=1e-6)


def test_a_lost_process_is_told():
    forked = Engine("stacked", workers=2).build(replicas(4))
    batch, noise = data(64).reshape(4, 16, 5), torch.zeros(4, 16, 1)
    for _ in range(2):
        forked.step(batch, noise, 1e-2)
    process = forked._helpers[0]._process
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with pytest.raises(RuntimeError, match=r"exit code -9.*n_threads=1"):
        forked.collect()
    forked.close()


def test_a_failure_there_is_raised_here():
    forked = Engine("stacked", workers=2).build(replicas(2))
    mine = os.getpid()

    def visitor(module):
        if os.getpid() != mine:
            raise ValueError("of mine")
        return 0.0

    forked.visitors = (visitor,)
    for _ in range(2):
        forked.step(data(32).reshape(2, 16, 5), torch.zeros(2, 16, 1), 1e-2)
    with pytest.raises(RuntimeError, match="ValueError: of mine"):
        forked.visit(visitor)
    forked.close()


def test_nothing_is_forked_from_another_thread():
    found = []

    def work():
        ensemble = Engine("stacked", workers=2).build(replicas(4))
        for _ in range(3):
            ensemble.step(data(64).reshape(4, 16, 5), torch.zeros(4, 16, 1), 1e-2)
        found.append((can_fork(), isinstance(ensemble, Forked), len(ensemble._helpers), ensemble.collect().shape))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, True, 0, (4, 1))]


def test_helpers_end_when_the_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, signal, sys, torch\n"
        f"sys.path.insert(0, {str(os.path.dirname(__file__))!r})\n"
        "from test_training_forked import Engine, data, replicas\n"
        "forked = Engine('stacked', workers=3).build(replicas(3))\n"
        "for _ in range(2): forked.step(data(48).reshape(3, 16, 5), torch.zeros(3, 16, 1), 1e-2)\n"
        "print(*[helper._process.pid for helper in forked._helpers], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_vae_that_begins_held_lets_its_encoder_go_everywhere(monkeypatch):
    """Weights that a property of the model reads, not only those that are trained, are seen by the process."""
    x = (torch.rand(256, 12, generator=torch_stream(0, "x")) < 0.5).to(torch.uint8)

    def fitted(workers):
        models = build_models("mlp", BernoulliLikelihood(), (12,), 2, 1.0, 4, 0)
        for r, model in enumerate(models):
            start_at_principal_components(model, x, 0, r)
            model.hold()
        engine = Engine("stacked", traced=True, workers=workers)
        monkeypatch.setattr("zeeman.training.loop.choose_engine", lambda *a, **k: engine)

        def after(model: LatentModel):
            model.held.zero_()

        plan = Plan(noise_shape=(2,), term_names=models[0].term_names, n_epochs=4, batch_size=32)
        train(models, x, plan, validate=lambda model: 0.0, after_epoch=after)
        return weights(models)

    torch.testing.assert_close(fitted(1), fitted(2), rtol=1e-4, atol=1e-5)


def test_processes_are_among_the_rivals(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    modules, batch = replicas(4), data(64).reshape(4, 16, 5)
    chosen = choose_engine(modules, batch, torch.zeros(4, 16, 1), 4000)
    assert any("2 shares" in name for name in chosen.milliseconds)
    assert chosen.workers == 1 or not any(name.startswith("apart") for name in chosen.milliseconds)


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 2), (4, 4), (5, 1)])
def test_short_trainings_of_dense_replicas_take_a_process_a_core_untimed(monkeypatch, cores, workers):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    batch, noise = data(64).reshape(4, 16, 5), torch.zeros(4, 16, 1)
    chosen = choose_engine(replicas(4), batch, noise, 400)
    assert chosen.workers == workers
    assert bool(chosen.milliseconds) == (workers == 1)
    assert choose_engine(replicas(4), batch, noise, 400, n_threads=1).workers == 1


@pytest.mark.parametrize("left", [0, 1])
def test_where_a_process_cannot_be_had_all_steps_are_made_here(left, monkeypatch):
    """Also if the first of two can."""
    from zeeman.training import forked as module

    fork, calls = module.forked, []

    def refused(*about):
        if len(calls) == left:
            raise OSError("no memory")
        calls.append(about)
        return fork(*about)

    here = replicas(6)
    done = trained(here, Engine("stacked", workers=1), monkeypatch)
    monkeypatch.setattr(module, "forked", refused)
    modules = replicas(6)
    without = trained(modules, Engine("stacked", workers=3), monkeypatch)
    torch.testing.assert_close(weights(here), weights(modules), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(done.history["error"], without.history["error"], rtol=1e-5)
    assert len(calls) == left


@pytest.mark.parametrize(("long", "asked"), [(0.0, True), (float("inf"), False)])
def test_half_precision_of_small_products_is_asked_where_it_can_pay(monkeypatch, long, asked):
    monkeypatch.setattr("zeeman.training.engine.half_precision_is_native", lambda device: True)
    monkeypatch.setattr("zeeman.training.engine._LONG_FOR_HALF", long)
    modules, batch = replicas(4), data(64).reshape(4, 16, 5)
    chosen = choose_engine(modules, batch, torch.zeros(4, 16, 1), 4000)
    assert any("bfloat16" in name for name in chosen.milliseconds) == asked


def test_trained_weights_are_not_shared_with_processes_forked_later():
    modules = replicas(4)
    forked = Engine("stacked", workers=2).build(modules)
    for _ in range(2):
        forked.step(data(64).reshape(4, 16, 5), torch.zeros(4, 16, 1), 1e-2)
    forked.modules_in_step()
    forked.close()
    before = weights(modules)
    pid = os.fork()
    if pid == 0:
        with torch.no_grad():
            modules[3].layer.weight.add_(5.0)
        os._exit(0)
    os.waitpid(pid, 0)
    assert torch.equal(weights(modules), before)


def test_a_continued_training_may_be_held_to_one_process(tmp_path, monkeypatch):
    class Stop(Exception):
        pass

    def stop(epoch):
        if epoch == 2:
            raise Stop

    monkeypatch.setattr("zeeman.training.loop.choose_engine", lambda *a, **k: Engine("stacked", traced=True, workers=2))
    plan = {"noise_shape": (1,), "term_names": ("error",), "n_epochs": 4, "batch_size": 16}
    whole, broken = replicas(4), replicas(4)
    train(whole, data(), Plan(**plan), validate=merit, after_epoch=release)
    with pytest.raises(Stop):
        train(broken, data(), Plan(**plan), validate=merit, after_epoch=release, watch=stop, checkpoint=tmp_path / "c")
    again = replicas(4)
    done = train(
        again, data(), Plan(**plan, n_threads=1), validate=merit, after_epoch=release, checkpoint=tmp_path / "c"
    )
    assert done.engine.workers == 1
    torch.testing.assert_close(weights(whole), weights(again), rtol=1e-5, atol=1e-6)
