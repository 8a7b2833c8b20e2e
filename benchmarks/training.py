"""Training speed in one run: the network of Table I on 32x32, batch 128, and replicas of an MLP on a table.

Rivals of Table I: a plain PyTorch loop (DataLoader, float32, default Adam), as it is and with the C library keeping
freed memory, which our engine asks of it, and pythae if it is installed; all with the modules and first weights of
ours, for as many epochs, judged by held-out ELBO at beta = 1. In turn, five times each, each in a process of its own.
The floor:

    multiplications: forward 34.1 M a sample, three times that with backward -> 26 GFLOP a step of 128
    optimiser: 17 M weights, read p g m v and write p m v -> 0.48 GB a step

Replicas of the MLP: a step of 8 together over a step of one, by width and batch, best of interleaved repeats: of one
process in its own time (which a busy machine changes little), of two shares in two processes by the clock. The floor
is arithmetic alone: 8 times the multiplications of one at the rate of a large product, over the time that one takes;
two cores halve it at best.

Whole fits of one replica and of 8, one after the other, give a ratio a repeat. On a GPU (``--device cuda``) every clock
is that on the wall, read when the device is done, and no work is shared between processes.

    python benchmarks/training.py [--device cpu] [--json FILE] [--skip-mlp] [--skip-table] [--widths 16 32 ...]
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

import numpy as np
import torch

from zeeman.base.random import torch_stream
from zeeman.base.store import read_json, write_json
from zeeman.studies import speeds
from zeeman.studies.naive import training_loop
from zeeman.training import Apart, Engine, Ensemble, Plan, Stacked, quiet_machine, resolve_device, train
from zeeman.training.machine import keep_freed_memory, synchronize
from zeeman.vae import BernoulliLikelihood, BetaVAE, GaussianLikelihood, LatentModel, elbo
from zeeman.vae.model import build_models, count_weights
from zeeman.vae.networks import MLPDecoder, MLPEncoder

SIZE, BATCH, BETA = 32, 128, 100.0
COLUMNS, REPLICAS, BURST = 30, 8, 16
ROUNDS = 5


def phases(n: int) -> torch.Tensor:
    """Ferromagnetic, antiferromagnetic and disordered configurations of independent sites, as 0 and 1."""
    rng = np.random.default_rng(0)
    checkers = (-1) ** np.add.outer(np.arange(SIZE), np.arange(SIZE))
    order = rng.choice([-1, 1], n) * rng.uniform(0.9, 0.98, n) * (np.arange(n) % 3 < 2)
    pattern = np.where((np.arange(n) % 3 == 1)[:, None, None], checkers, 1)
    up = rng.random((n, SIZE, SIZE)) < (1 + order[:, None, None] * pattern) / 2
    return torch.from_numpy(up.astype(np.uint8))


def problem(n: int, device: str) -> tuple[LatentModel, torch.Tensor, torch.Tensor]:
    """Return the network with its first weights, `n` configurations, and 512 to judge by; torch has warmed up."""
    x = phases(n + 512).to(device)
    (model,) = build_models("table1", BernoulliLikelihood(), (SIZE, SIZE), 2, BETA, 1, seed=0)
    model.to(device)
    training_loop(copy.deepcopy(model), x[: 2 * BATCH], BATCH, 1)
    return model, x[:n], x[n:]


def held_out(model: LatentModel, x: torch.Tensor) -> float:
    model.eval()
    noise = torch.randn(len(x), 2, generator=torch_stream(0, "bench")).to(x.device)
    with torch.no_grad():
        return float(elbo(model, x, noise).mean())


def plain(n: int, epochs: int, device: str, keeping: bool = False) -> dict:
    """The loop that everyone writes first; with `keeping` the C library keeps freed memory, as it does for ours."""
    if keeping:
        keep_freed_memory()
    model, x, judged = problem(n, device)
    ends = training_loop(model, x, BATCH, epochs)
    return {"ms_a_step": 1e3 * (ends[-1] - ends[0]) / (len(ends) - 1), "elbo": held_out(model, judged)}


def ours(n: int, epochs: int, device: str) -> dict:
    """Milliseconds a step with and without the timing of engines at the start, and the engine."""
    model, x, judged = problem(n, device)
    plan = Plan((2,), ("loss", "reconstruction", "kl"), n_epochs=epochs, batch_size=BATCH)
    steps = epochs * (len(x) // BATCH)
    start = time.perf_counter()
    ends: list[float] = []

    class Clock:
        def advance(self, n: int = 1, detail: str = "") -> None:
            if len(ends) in (0, steps - 1):  # between them a GPU may run behind
                synchronize(x.device)
            ends.append(time.perf_counter())

    done = train([model], x, plan, validate=lambda module: 0.0, progress=Clock())  # type: ignore[arg-type]
    steady = (ends[-1] - ends[0]) / (steps - 1)
    return {
        "ms_a_step": 1e3 * steady, "ms_a_step_with_choice": 1e3 * (time.perf_counter() - start) / steps,
        "elbo": held_out(model, judged), "engine": done.engine.to_dict(), "gflops": 26.2 / steady,
    }  # fmt: skip


def pythae(n: int, epochs: int, device: str) -> dict | None:
    """Pythae's trainer on the same encoder and decoder, None if it is not installed."""
    try:
        from pythae.data.datasets import BaseDataset
        from pythae.models import BetaVAE as Rival
        from pythae.models import BetaVAEConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder
        from pythae.trainers import BaseTrainer, BaseTrainerConfig
    except ImportError:
        return None

    model, x, judged = problem(n, device)

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.inner = model.encoder

        def forward(self, x):
            mean, scale = self.inner(x)
            return ModelOutput(embedding=mean, log_covariance=2 * scale.log())

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.inner = model.decoder

        def forward(self, z):
            return ModelOutput(reconstruction=torch.sigmoid(self.inner(z)))

    config = BetaVAEConfig(input_dim=(1, SIZE, SIZE), latent_dim=2, beta=BETA, reconstruction_loss="bce")
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model=Rival(config, encoder=Encoder(), decoder=Decoder()),
            train_dataset=BaseDataset(x.float().cpu().unsqueeze(1), torch.zeros(len(x))),
            training_config=BaseTrainerConfig(
                output_dir=folder, num_epochs=epochs, per_device_train_batch_size=BATCH, learning_rate=1e-3,
                optimizer_params={"betas": (0.5, 0.999)}, no_cuda=x.device.type != "cuda",
            ),
        )  # fmt: skip
        start = time.perf_counter()
        trainer.train()
        seconds = (time.perf_counter() - start) / (epochs * -(-len(x) // BATCH))
    return {"ms_a_step": 1e3 * seconds, "elbo": held_out(model.to(device), judged)}


def table_one(n: int, epochs: int, device: str) -> dict:
    """Rounds of all in turn, so that what else the machine does falls on each; each in a process of its own."""
    runs: dict[str, Callable[[], dict | None]] = {
        "plain": partial(plain, n, epochs, device),
        "plain, memory kept": partial(plain, n, epochs, device, keeping=True),
        "pythae": partial(pythae, n, epochs, device),
        "ours": partial(ours, n, epochs, device),
    }
    rows: dict = {"samples": n, "epochs": epochs, "floor_gflop": 26.2, "floor_gigabytes": 0.48}
    for _, (name, run) in itertools.product(range(ROUNDS), runs.items()):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            row = process.submit(run).result()
        if row is not None:
            rows.setdefault(name, []).append(row)
            print(json.dumps({name: row}), flush=True)
    mine = np.array([row["ms_a_step"] for row in rows["ours"]])
    rows["ratios"] = {
        name: (np.array([row["ms_a_step"] for row in rows[name]]) / mine).tolist()
        for name in runs if name != "ours" and name in rows
    }  # fmt: skip
    return rows


def replicas(device: str, repeats: int = 11, n: int = 3000, columns: int = 30, epochs: int = 20) -> dict:
    """Whole fits of one replica and of eight, by the clock, a ratio for every pair."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3)) @ rng.normal(size=(3, columns)) + rng.normal(size=(n, columns))
    BetaVAE(n_epochs=1, random_state=0, device=device).fit(X)
    found: dict = {"seconds_1": [], "seconds_8": []}
    for count in (1, REPLICAS) * repeats:
        start = time.perf_counter()
        vae = BetaVAE(n_replicas=count, n_epochs=epochs, random_state=0, device=device).fit(X)
        found[f"seconds_{count}"].append(time.perf_counter() - start)
    found["engine_8"] = vae.engine_
    found["ratios"] = [many / one for one, many in zip(found["seconds_1"], found["seconds_8"], strict=True)]
    return found


def widths(sizes: list[int], batches: list[int], device: torch.device, repeats: int = 5) -> list[dict]:
    """Step times of one replica and of eight, in milliseconds of one core, and by the clock in two processes."""
    side = torch.randn(512, 512, device=device)
    peak = 2e-6 * 512**3 / best(lambda: side @ side, 0.1, device)
    return [steps(width, batch, device, peak, repeats) for width in sizes for batch in batches]


def steps(width: int, batch: int, device: torch.device, peak: float, repeats: int) -> dict:
    """Return a row of the table; `peak` is in MFLOP/ms."""
    modules = [
        LatentModel(MLPEncoder(1, (COLUMNS,), 2, width), MLPDecoder(2, (COLUMNS,), 1, width), GaussianLikelihood())
        for _ in range(REPLICAS)
    ]
    for module in modules:
        module.to(device)
    rivals: dict[str, Ensemble] = {
        "one": Apart(copy.deepcopy(modules[:1])),
        "vmapped": Stacked(copy.deepcopy(modules)),
        "traced": Engine("stacked", traced=True).build(copy.deepcopy(modules)),
    }
    if device.type == "cpu":
        rivals["shared"] = Engine("stacked", traced=True, workers=2).build(copy.deepcopy(modules))
    x, noise = (torch.randn(REPLICAS, batch, size, device=device) for size in (COLUMNS, 2))
    ms = dict.fromkeys(rivals, float("inf"))
    for _ in range(repeats):
        for name, ensemble in rivals.items():
            n, burst = len(ensemble.modules), BURST if name == "shared" else 1

            def some(e: Ensemble = ensemble, n: int = n, burst: int = burst) -> None:
                for _ in range(burst):
                    e.step(x[:n], noise[:n], 1e-3)
                e.collect()

            ms[name] = min(ms[name], best(some, 0.1, device, on_the_wall=name == "shared") / burst)
    for ensemble in rivals.values():
        ensemble.close()
    # forward, weights' gradients, inputs' gradients but those of the data
    flop = 1e-6 * batch * (6 * count_weights(modules[0]) - 2 * COLUMNS * width)
    floor = REPLICAS * flop / peak / ms["one"]
    return {"width": width, "batch": batch, "ms": ms, "mflop": flop, "gflops": peak, "floor": floor}


def best(work: Callable[[], object], seconds: float, device: torch.device, on_the_wall: bool = False) -> float:
    """Least milliseconds of one call, of at least five and for `seconds`, after two that warm up."""
    times: list[float] = []
    clock = time.perf_counter if on_the_wall or device.type != "cpu" else time.process_time
    with quiet_machine(1):
        work()
        work()
        synchronize(device)
        while len(times) < 5 or sum(times) < seconds:
            start = clock()
            work()
            synchronize(device)
            times.append(clock() - start)
    return 1e3 * min(times)


def table(rows: list[dict]) -> str:
    """Markdown: ratios to the step of one replica."""
    head = ("width", "batch", "one, ms", "vmapped", "traced", "two processes", "floor", "floor of two cores")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        ratios = [row["ms"].get(name, np.nan) / row["ms"]["one"] for name in ("vmapped", "traced", "shared")]
        cells = [f"{ratio:.1f}" for ratio in (*ratios, row["floor"], row["floor"] / 2)]
        lines.append("| " + " | ".join([f"{row['width']} | {row['batch']} | {row['ms']['one']:.2f}", *cells]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... or auto")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--samples", type=int, default=2048)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--skip-mlp", action="store_true")
    parser.add_argument("--skip-table", action="store_true")
    parser.add_argument("--widths", type=int, nargs="*", default=[16, 32, 64, 128, 256, 512])
    parser.add_argument("--batches", type=int, nargs="*", default=[32, 128, 512])
    options = parser.parse_args()
    device = resolve_device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    results: dict = {"device": name, "threads": torch.get_num_threads(), **speeds.occasion()}
    if not options.skip_mlp:
        results["mlp_replicas"] = replicas(options.device)
        results["mlp_steps"] = widths(options.widths, options.batches, device)
        print(table(results["mlp_steps"]), flush=True)
    if not options.skip_table:
        results["table1"] = table_one(options.samples, options.epochs, str(device))
    print(json.dumps(results, indent=2))
    if options.json:  # parts that were skipped stay as they were recorded
        before = read_json(options.json) if options.json.is_file() else {}
        write_json(options.json, {**before, **results})


if __name__ == "__main__":
    main()
