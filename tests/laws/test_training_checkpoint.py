"""A killed training continues to the same bits; Ctrl-C leaves a usable model; foreign files are refused."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from zeeman.base.progress import Progress
from zeeman.base.random import torch_seeded, torch_stream
from zeeman.training import Checkpoint, Plan, train
from zeeman.vae import BetaVAE

SPINS = np.random.default_rng(0).integers(0, 2, (150, 8, 8))
SPIN_SETTINGS = {
    "n_epochs": 4, "batch_size": 32, "n_replicas": 2, "random_state": 0, "engine": "apart", "n_threads": 1,
    "precision": "float32", "network": "mlp",
}  # fmt: skip
SCRIPT = f"""
import sys
import numpy as np
from zeeman.training import loop
from zeeman.vae import BetaVAE

loop.Plan.__init__.__defaults__ = (*loop.Plan.__init__.__defaults__[:-1], 0.0)  # checkpoint_every: every step
X = np.random.default_rng(0).integers(0, 2, (150, 8, 8))
BetaVAE(**{SPIN_SETTINGS!r}).fit(X, checkpoint=sys.argv[1])
"""


def test_killed_run_ends_with_the_same_bits(tmp_path):
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], env={**os.environ, "OMP_WAIT_POLICY": "passive"}
    )
    path, seen, last = tmp_path / "checkpoint.safetensors", 0, None
    while run.poll() is None and seen < 6:  # the run writes one a step
        if path.exists() and (now := path.stat().st_mtime_ns) != last:
            seen, last = seen + 1, now
        time.sleep(0.002)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    place = Checkpoint.read(tmp_path).place
    assert 0 < 4 * place["epoch"] + place["step"] < 16  # it was on its way
    continued = BetaVAE(**SPIN_SETTINGS).fit(SPINS, checkpoint=tmp_path)
    whole = BetaVAE(**SPIN_SETTINGS).fit(SPINS)
    np.testing.assert_array_equal(continued.encode(SPINS).mean, whole.encode(SPINS).mean)
    for name in ("loss", "kl", "validation_elbo"):
        np.testing.assert_array_equal(continued.history_[name], whole.history_[name])
    assert not list(tmp_path.glob(".*"))  # nothing left beside it


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, x, noise):
        return torch.stack([((self.layer(x) - noise) ** 2).mean()])


class Stop(Progress):
    """Does `what` after `steps` steps."""

    def __init__(self, steps, what):
        super().__init__(1000, "test", enabled=False)
        self.left, self.what = steps, what

    def advance(self, steps=1, detail=""):
        self.left -= steps
        if self.left == 0:
            self.what()


def lines(n=3):
    modules = []
    for r in range(n):
        with torch_seeded(0, "weights", r):
            modules.append(Line())
    return modules


def run(modules, engine, **options):
    plan = Plan(
        noise_shape=(1,), term_names=("error",), n_epochs=3, batch_size=10, engine=engine, n_threads=1,
        precision="float32", checkpoint_every=0.0,
    )  # fmt: skip
    x = torch.randn(50, 3, generator=torch_stream(0, "x"))
    return train(modules, x, plan, validate=lambda m: float(m.layer.bias.sum()), **options)


def die():
    raise RuntimeError("killed")


@pytest.mark.parametrize("engine", ["apart", "threads", "stacked"])
@pytest.mark.parametrize("steps", [1, 5, 7, 14])
def test_every_engine_continues_from_any_step(tmp_path, engine, steps):
    whole, parts = lines(), lines()
    expected = run(whole, engine)
    with pytest.raises(RuntimeError, match="killed"):
        run(parts, engine, checkpoint=tmp_path, progress=Stop(steps, die))
    parts = lines()
    found = run(parts, "auto", checkpoint=tmp_path)  # the engine is that of the checkpoint
    assert found.engine.engine == engine
    for a, b in zip(whole, parts, strict=True):
        assert torch.equal(a.layer.weight, b.layer.weight)
    for name, values in expected.history.items():
        np.testing.assert_array_equal(values, found.history[name])


def test_ctrl_c_leaves_a_usable_model_that_can_go_on(tmp_path):
    whole, parts = lines(), lines()
    expected = run(whole, "apart")
    before = signal.getsignal(signal.SIGINT)
    stopped = run(parts, "apart", checkpoint=tmp_path, progress=Stop(7, lambda: signal.raise_signal(signal.SIGINT)))
    assert stopped.interrupted
    assert stopped.history["error"].shape == (2, 3)  # an epoch and two steps
    assert np.isfinite(stopped.history["validation"]).all()
    assert signal.getsignal(signal.SIGINT) is before
    parts = lines()
    finished = run(parts, "apart", checkpoint=tmp_path)
    assert not finished.interrupted
    np.testing.assert_array_equal(finished.history["error"], expected.history["error"])
    assert torch.equal(whole[2].layer.weight, parts[2].layer.weight)


X = np.random.default_rng(0).normal(size=(60, 5))
FIXED = {"n_epochs": 2, "batch_size": 16, "engine": "apart", "n_threads": 1}


def test_finished_training_is_read_not_repeated(tmp_path):
    first = BetaVAE(**FIXED).fit(X, checkpoint=tmp_path)  # no seed: the checkpoint's is taken
    stamp = (tmp_path / "checkpoint.safetensors").stat().st_mtime_ns
    again = BetaVAE(**FIXED).fit(X, checkpoint=tmp_path)
    np.testing.assert_array_equal(first.transform(X), again.transform(X))
    np.testing.assert_array_equal(first.history_["loss"], again.history_["loss"])
    assert again.engine_ == first.engine_
    assert (tmp_path / "checkpoint.safetensors").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("changes", "data", "word"),
    [
        ({"n_epochs": 3}, X, "n_epochs: there 2, here 3"),
        ({"beta": 2.0}, X, "beta"),
        ({"random_state": 5}, X, "seed"),
        ({"n_replicas": 2}, X, "n_replicas"),
        ({}, X + 1, "data"),
    ],
)
def test_checkpoint_of_another_training_is_refused(tmp_path, changes, data, word):
    BetaVAE(**FIXED, random_state=0).fit(X, checkpoint=tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(ValueError, match=f"another training.*{word}"):
        BetaVAE(**{**FIXED, "random_state": 0, **changes}).fit(data, checkpoint=tmp_path)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_foreign_and_truncated_checkpoints_are_refused(tmp_path):
    BetaVAE(**FIXED, random_state=0).fit(X, checkpoint=tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="truncated"):
        BetaVAE(**FIXED, random_state=0).fit(X, checkpoint=tmp_path)
    torch.save({"a": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="not readable"):
        BetaVAE(**FIXED, random_state=0).fit(X, checkpoint=tmp_path)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="not a training checkpoint"):
        BetaVAE(**FIXED, random_state=0).fit(X, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="must be a folder"):
        BetaVAE(**FIXED, random_state=0).fit(X, checkpoint=path)
