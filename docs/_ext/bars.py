"""The bars of the project, each beside what was recorded: ``<!-- bars -->`` stands for the table.

A bar is met or not by a record in ``docs/results``, which its command writes; where there is none the table says so.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

RESULTS = Path(__file__).resolve().parent.parent / "results"
Record = Mapping[str, Any]


_RIVALS = {"plain": "", "plain, memory kept": "with freed memory kept for it too ", "pythae": "pythae's loop "}


@dataclass(frozen=True)
class Bar:
    """One speed that was asked for.

    Attributes
    ----------
    what, asked : str
    script, record : str
        Command that writes the record with ``--json``, and the record's name in ``docs/results``.
    read : callable
        What was measured, in words, and whether the bar is met; KeyError if the record is of another part.
    """

    what: str
    asked: str
    script: str
    record: str
    read: Callable[[Record], tuple[str, bool]]

    @property
    def command(self) -> str:
        """The command that makes the record."""
        return f"{self.script} --json docs/results/{self.record}.json"


def _at_critical(found: Record, name: str) -> float:
    """Site updates a second of one core at T_c, 32 x 32."""
    rows = [row for row in found["rates"] if row["name"] == name]
    return min(rows, key=lambda row: abs(row["temperature"] - 2.269185))["best"]


def _multi_spin(found: Record) -> tuple[str, bool]:
    rate, plain = (_at_critical(found, f"{name} Metropolis") for name in ("multi-spin", "plain"))
    return f"{rate / 1e9:.1f} G/s, {rate / plain:.0f} times", rate >= 5e9 and rate >= 20 * plain


def _swendsen_wang(found: Record) -> tuple[str, bool]:
    rate = _at_critical(found, "Swendsen-Wang")
    return f"{rate / 1e6:.0f} M/s", rate >= 50e6


def _job(found: Record) -> tuple[str, bool]:
    job = found["job"]
    return f"{job['seconds']:.1f} s (worth {job['effective']:,.0f} independent ones)", job["seconds"] <= 20


def _table_one(found: Record) -> tuple[str, bool]:
    parts, ratios = [], found["table1"]["ratios"]
    for name, words in _RIVALS.items():
        if name in ratios:
            low, middle, high = (f(ratios[name]) for f in (min, statistics.median, max))
            parts.append(f"{words}{middle:.2f} times ({low:.2f} to {high:.2f} in {len(ratios[name])} rounds)")
    return f"{'; '.join(parts)}; {found['device']}", statistics.median(ratios["plain"]) >= 2.5


def _replicas(found: Record) -> tuple[str, bool]:
    ratios = found["mlp_replicas"]["ratios"]
    middle = statistics.median(ratios)
    text = f"{middle:.2f} times, {min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} pairs of fits"
    return f"{text}; {found['device']}", middle <= 3


def _demo(found: Record) -> tuple[str, bool]:
    return "{:.0f} min {:02.0f} s".format(*divmod(round(found["seconds"]), 60)), found["seconds"] <= 240


def _triton(found: Record) -> tuple[str, bool]:
    rates = found["flips_per_ns"]["triton"]
    worst = max(abs(z) for z in found["z"]["triton"])
    text = f"{min(rates.values()):.0f} to {max(rates.values()):.0f} flips/ns, energies within {worst:.1f} errors"
    return f"{text}; {found['device']}", min(rates.values()) >= 300 and worst <= 4.5


SPINS, TRAINING = "python benchmarks/spins.py", "python benchmarks/training.py"
BARS = (
    Bar("Multi-spin Metropolis, Ising 32 × 32 at T_c, one core", "≥ 5 G updates/s and ≥ 20 times plain Numba",
        SPINS, "spins", _multi_spin),
    Bar("Swendsen-Wang, the same at T_c, one core", "≥ 50 M sites/s", SPINS, "spins", _swendsen_wang),
    Bar("100,000 configurations of 32 × 32, 20 temperatures, two cores", "≤ 20 s",
        SPINS, "spins", _job),
    Bar("Training the network of Table I on 32 × 32, batch 128", "≥ 2.5 times a plain PyTorch loop",
        TRAINING, "training", _table_one),
    Bar("A whole fit of 8 MLP replicas", "≤ 3 times the time of one", TRAINING, "training", _replicas),
    Bar("The demo, zeeman analyze ising, two cores", "≤ 4 min", "python benchmarks/demo.py", "demo", _demo),
    Bar("Triton kernel, two-state spins, one H100", "≥ 300 flips/ns",
        "python benchmarks/gpu_spins.py", "gpu_spins", _triton),
)  # fmt: skip


def table() -> str:
    """A row for each bar."""
    lines = ["| bar | asked | measured | met? | when, where, by what |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *map(_row, BARS)])


def _row(bar: Bar) -> str:
    file, command = RESULTS / f"{bar.record}.json", f"`{bar.command}`"
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    try:
        measured, met = bar.read(found)
    except KeyError:
        measured, word, made = "–", "[no record]{.verdict .not-measured}", f"would be made by {command}"
    else:
        word = "[met]{.verdict .holds}" if met else "[not met]{.verdict .does-not-hold}"
        made = f"{found['date']}, {found['processor']}, commit {found['machine']['commit']}: {command}"
    cells = [f"**{bar.what}**", f"[asked]{{.label}} {bar.asked}", f"[measured]{{.label}} {measured}", word, made]
    return "| " + " | ".join(cells) + " |"


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    if "<!-- bars -->" in source[0]:
        source[0] = source[0].replace("<!-- bars -->", table())


def _outdated(app: Sphinx, *_: Any) -> list[str]:
    """The page is read again in every build: what it shows lies outside of it."""
    return [name for name in ("benchmarks",) if name in app.env.found_docs]


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill the page as it is read."""
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
