"""How fast this machine is, beside the program that everyone writes first, in the same minute.

Every row is a ratio within one run: times of other machines, or of this one yesterday, say little. On a machine that
does other things as well the times waver and the ratios less so.
"""

from __future__ import annotations

import itertools
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.progress import Progress
from zeeman.base.store import provenance, write_json

__all__ = ["BENCHES", "Bench", "Row", "bench", "plan", "table"]


@dataclass(frozen=True)
class Row:
    """One thing measured.

    Attributes
    ----------
    bench, what : str
    rate : float
        Of zeeman, in `unit`; more is better.
    naive : float
        Of the naive program, in `unit`.
    unit, naive_is : str
        What is counted a second, and what it is set beside.
    """

    bench: str
    what: str
    rate: float
    naive: float
    unit: str
    naive_is: str

    @property
    def ratio(self) -> float:
        """How many times as fast."""
        return self.rate / self.naive


@dataclass(frozen=True)
class Bench:
    """All rows, the seconds they took and the machine they were measured on."""

    rows: tuple[Row, ...]
    seconds: float
    machine: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        rows = [{**asdict(row), "ratio": row.ratio} for row in self.rows]
        return {"rows": rows, "seconds": self.seconds, "machine": self.machine}


def bench(
    what: Sequence[str] = (),
    *,
    n_threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Bench:
    """Measure `what` (keys of `BENCHES`, all by default), each a few seconds; `out` gets the rows as JSON."""
    _check(what, n_threads)
    start, rows = time.perf_counter(), []
    with Progress(len(what or BENCHES), "measuring", enabled=progress) as bar:
        for name in what or BENCHES:
            rows += BENCHES[name](n_threads)
            bar.advance(detail=name)
    found = Bench(tuple(rows), time.perf_counter() - start, provenance(load=_load()))
    if out is not None:
        write_json(Path(out), found.to_dict())
    return found


def plan(what: Sequence[str], out: str | os.PathLike[str] | None, *, n_threads: int | None = None) -> dict[str, Any]:
    """What `bench` would do."""
    _check(what, n_threads)
    return {
        "would": "time this machine, each beside a plain program" + ("" if out is None else ", and write the rows"),
        "what": {name: (BENCHES[name].__doc__ or "").splitlines()[0] for name in what or BENCHES},
        "takes": "under a minute on two cores",
        "out": None if out is None else str(out),
    }


def table(found: Bench) -> str:
    """Rows as lines of text."""
    lines = [f"{'':44}{'zeeman':>10}{'naive':>10}{'ratio':>8}"]
    for row in found.rows:
        lines.append(f"{row.what:44}{_short(row.rate):>10}{_short(row.naive):>10}{row.ratio:>8.1f}  {row.unit}")
        lines.append(f"    beside {row.naive_is}")
    load = found.machine.get("load")
    busy = "" if load is None else f", load {load:.1f} on {found.machine['processors']} processors"
    return "\n".join([*lines, "", f"{found.seconds:.0f} s{busy}"])


def spins(n_threads: int | None = None) -> list[Row]:
    """Metropolis updates of the Ising model on 32 x 32 sites at T = 2.269."""
    import numpy as np

    from zeeman.spins import Ising, moves, square
    from zeeman.studies.naive import metropolis, metropolis_work

    length, temperature = 32, 2.269
    chains = moves.start(Ising(square(length)), "metropolis", temperature, 2048, "ordered", np.random.default_rng(0))
    ours = _rate(lambda: chains.advance(100), 100 * 2048 * length**2)
    work = metropolis_work(temperature, length)
    naive = _rate(lambda: metropolis(*work, 2000), 2000 * length**2)
    said = "a plain Metropolis loop over the sites, compiled with Numba"
    return [Row("spins", "Metropolis, 32 x 32, one core", ours, naive, "updates/s", said)]


def models(n_threads: int | None = None) -> list[Row]:
    """Metropolis updates of Potts, Blume-Capel, clock, XY and Heisenberg models at their critical temperatures."""
    from zeeman.studies import speeds

    said = "a plain Metropolis of the same model, compiled with Numba, one chain"
    rows = []
    for name in speeds.MODELS:
        if name.startswith("Ising"):
            continue  # `spins`
        pair = speeds.ours(name, "metropolis", seconds=0.4, series=False), speeds.plain(name, seconds=0.4, series=False)
        ours, naive = (one.updates or 0.0 for one in pair)
        rows.append(Row("models", f"Metropolis, {name}", ours, naive, "updates/s", said))
    return rows


def training(n_threads: int | None = None) -> list[Row]:
    """Steps of the convolutional network of paper 002 (Table I) on 16 x 16 sites, batch 128."""
    import copy

    import numpy as np
    import torch

    from zeeman.studies.naive import training_loop
    from zeeman.training import choose_engine
    from zeeman.vae import BernoulliLikelihood
    from zeeman.vae.model import build_models

    n_steps, batch = 8, 128
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (n_steps * batch, 16, 16), dtype=np.uint8))
    (first,) = build_models("table1", BernoulliLikelihood(), (16, 16), 2, 25.0, 1, seed=0)
    engine = choose_engine([first], x[None, :batch], torch.randn(1, batch, 2), 10_000, n_threads=n_threads)
    ours, naive = [], []
    for _ in range(2):  # in turn, so that a busy moment strikes both
        naive.append(_step(training_loop(copy.deepcopy(first), x, batch)))
        ours.append(_step(_our_loop(copy.deepcopy(first), x, batch, engine)))
    said = "a plain PyTorch loop: DataLoader, Adam, float32, torch's own threads"
    return [Row("training", "Table I on 16 x 16, batch 128", batch / min(ours), batch / min(naive), "samples/s", said)]


def replicas(n_threads: int | None = None) -> list[Row]:
    """Eight trainings of a small network on a table, together."""
    import numpy as np

    from zeeman.vae import BetaVAE

    X = np.random.default_rng(0).normal(size=(2_000, 30)).astype(np.float32)

    def fit(count: int) -> float:
        start = time.perf_counter()
        BetaVAE(n_replicas=count, n_epochs=20, random_state=0, likelihood="gaussian", n_threads=n_threads).fit(X)
        return time.perf_counter() - start

    fit(1)
    ones, eights = zip(*((fit(1), fit(8)) for _ in range(2)), strict=True)
    said = "one after another"
    return [Row("replicas", "8 trainings on 2,000 x 30", 8 / min(eights), 1 / min(ones), "trainings/s", said)]


BENCHES: dict[str, Callable[[int | None], list[Row]]] = {
    "spins": spins,
    "models": models,
    "training": training,
    "replicas": replicas,
}


def _check(what: Sequence[str], n_threads: int | None) -> None:
    for name in what:
        check_choice(name, tuple(BENCHES), "what to measure")
    if n_threads is not None:
        check_positive_integer(n_threads, "n_threads")


def _our_loop(model: Any, x: Any, batch: int, engine: Any) -> list[float]:
    """Train with the engine that a long training would have chosen; return the times at which steps ended, s."""
    from zeeman.training import Plan, train

    ends: list[float] = []

    class Clock:
        def advance(self, steps: int = 1, detail: str = "") -> None:
            ends.append(time.perf_counter())

    plan = Plan(
        (2,), ("loss", "reconstruction", "kl"), n_epochs=1, batch_size=batch, engine=engine.engine,
        n_threads=engine.threads, precision=engine.precision,
    )  # fmt: skip
    train([model], x, plan, validate=lambda module: 0.0, progress=Clock())  # type: ignore[arg-type]
    return ends


def _step(ends: Sequence[float]) -> float:
    """Median seconds between the ends of steps."""
    return statistics.median(after - before for before, after in itertools.pairwise(ends))


def _rate(work: Callable[[], object], count: int, seconds: float = 1.0) -> float:
    """Median of `count` over the seconds of one call, of at least three calls and for at least `seconds`."""
    work()  # compiles
    rates: list[float] = []
    begin = time.perf_counter()
    while len(rates) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - start))
    return statistics.median(rates)


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _short(value: float) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.1f}{unit}"
    return f"{value:.2f}"
