"""Training speed in one run: the network of Table I on 32x32, batch 128, and replicas of an MLP on a table.

Rivals of Table I: a plain PyTorch loop (DataLoader, float32, default Adam) and pythae if it is installed, both with
the modules and first weights of ours, for as many epochs, judged by held-out ELBO at beta = 1; plain and ours in turn,
five times each, the median of their ratios. The floor first:

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
import json
import os
import time
from collections.abc import Callable
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
from zeeman.training.machine import synchronize
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


def held_out(model: LatentModel, x: torch.Tensor) -> float:
    model.eval()
    noise = torch.randn(len(x), 2, generator=torch_stream(0, "bench")).to(x.device)
    with torch.no_grad():
        return float(elbo(model, x, noise).mean())


def plain(model: LatentModel, x: torch.Tensor, epochs: int) -> float:
    """Seconds a step of the loop that everyone writes first."""
    start = time.perf_counter()
    ends = training_loop(model, x, BATCH, epochs)
    return (ends[-1] - start) / len(ends)


def ours(model: LatentModel, x: torch.Tensor, epochs: int) -> tuple[float, float, dict]:
    """Seconds a step with and without the timing of engines at the start, and the engine."""
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
    return (time.perf_counter() - start) / steps, (ends[-1] - ends[0]) / (steps - 1), done.engine.to_dict()


def pythae(model: LatentModel, x: torch.Tensor, epochs: int) -> float | None:
    """Seconds a step of pythae's trainer on the same encoder and decoder, None if it is not installed."""
    try:
        from pythae.data.datasets import BaseDataset
        from pythae.models import BetaVAE as Rival
        from pythae.models import BetaVAEConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder
        from pythae.trainers import BaseTrainer, BaseTrainerConfig
    except ImportError:
        return None

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
    import tempfile

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
        return (time.perf_counter() - start) / (epochs * -(-len(x) // BATCH))


def table_one(n: int, epochs: int, device: torch.device) -> dict:
    x = phases(n + 512).to(device)
    x, judged = x[:n], x[n:]
    (first,) = build_models("table1", BernoulliLikelihood(), (SIZE, SIZE), 2, BETA, 1, seed=0)
    first.to(device)
    rows: dict = {"samples": n, "epochs": epochs, "floor_gflop": 26.2, "floor_gigabytes": 0.48, "plain": [], "ours": []}
    for _ in range(ROUNDS):  # in turn, so that what else the machine does falls on both
        model = copy.deepcopy(first)
        seconds = plain(model, x, epochs)
        rows["plain"].append({"ms_a_step": 1e3 * seconds, "elbo": held_out(model, judged)})
        model = copy.deepcopy(first)
        whole, steady, engine = ours(model, x, epochs)
        rows["ours"].append({
            "ms_a_step": 1e3 * steady, "ms_a_step_with_choice": 1e3 * whole, "elbo": held_out(model, judged),
            "engine": engine, "gflops": 26.2 / steady,
        })  # fmt: skip
        print(json.dumps({name: rows[name][-1] for name in ("plain", "ours")}), flush=True)
    model = copy.deepcopy(first)
    seconds_rival = pythae(model, x, epochs)
    if seconds_rival is not None:
        rows["pythae"] = {"ms_a_step": 1e3 * seconds_rival, "elbo": held_out(model.to(device), judged)}
    times = {name: np.array([row["ms_a_step"] for row in rows[name]]) for name in ("plain", "ours")}
    rows["ratios"] = (times["plain"] / times["ours"]).tolist()
    rows["speedup_over_plain"] = float(np.median(rows["ratios"]))
    if "pythae" in rows:
        rows["speedup_over_pythae"] = rows["pythae"]["ms_a_step"] / float(np.median(times["ours"]))
    return rows


def replicas(device: str, repeats: int = 5, n: int = 3000, columns: int = 30, epochs: int = 20) -> dict:
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
    head = ("width", "batch", "one, ms", "8 vmapped", "8 traced", "two processes", "floor", "floor of two cores")
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
        results["table1"] = table_one(options.samples, options.epochs, device)
    print(json.dumps(results, indent=2))
    if options.json:  # parts that were skipped stay as they were recorded
        before = read_json(options.json) if options.json.is_file() else {}
        write_json(options.json, {**before, **results})


if __name__ == "__main__":
    main()
