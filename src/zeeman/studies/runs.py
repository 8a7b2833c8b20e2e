"""Runs side by side: what each was asked, how far it came, what it found.

A run is a folder with run.json (`zeeman.studies.run`). Its numbers are those of metrics.json; of a run that was
stopped, the last line of metrics.jsonl.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zeeman.base.store import atomic_path, read_json

__all__ = ["Run", "draw", "find", "numbers_of", "table", "write_csv"]

_DEPTH = 3  # folders below the one that is looked through
_SHOWN = {
    "elbo": ("ELBO", ".2f"), "n_clusters": ("clusters", "d"), "cluster_ari": ("ARI", ".3f"),
    "energies.1": ("E_1", ".3f"), "lift.agreement.energies.mean": ("agree", ".3f"),
    "lift.agreement.lifted.mean": ("lifted", ".3f"), "seconds.total": ("seconds", ".0f"),
}  # fmt: skip
_NOT_SHOWN = ("source", "files")  # settings that have a column of their own
_WIDEST = 6  # columns of settings


@dataclass(frozen=True)
class Run:
    """One folder of a run.

    Attributes
    ----------
    name : str
        Its path below the folder that was looked through.
    folder : Path
    job : str
        "analyze" or "spectrum".
    status : str
        "finished", "stopped" (its command continues it) or "unreadable: ...".
    started : str
        When, ISO 8601, UTC; empty for runs that do not say.
    source : str
        What it was fed.
    settings, metrics : dict
        As in run.json and metrics.json.
    epochs : dict
        Training -> epochs done, by metrics.jsonl.
    """

    name: str
    folder: Path
    job: str = ""
    status: str = ""
    started: str = ""
    source: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "folder": str(self.folder)}


def find(folder: str | os.PathLike[str]) -> list[Run]:
    """Every run in `folder` and below, by name; one that cannot be read is listed as such.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such folder, or no run in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"no folder {root}: name one that holds runs, or make one: zeeman analyze ising")
    patterns = ["run.json", *("/".join(["*"] * depth) + "/run.json" for depth in range(1, _DEPTH + 1))]
    files = sorted({file for pattern in patterns for file in root.glob(pattern)})
    files = [file for file in files if not any(part.startswith(".") for part in file.relative_to(root).parts)]
    if not files:
        raise ValueError(f"{root} holds no run (no run.json down to {_DEPTH} folders below): zeeman analyze makes one")
    return [_read(file.parent, root) for file in files]


def table(runs: Sequence[Run]) -> str:
    """Runs as lines of text: settings in which they differ, and what they found."""
    settings = _differing(runs)
    head = ["run", "verb", "status", "source", *settings, *(name for name, _ in _SHOWN.values())]
    rows = [
        [one.name, one.job, _status(one), one.source, *(_said(one.settings.get(key)) for key in settings),
         *(_format(numbers_of(one).get(key), spec) for key, (_, spec) in _SHOWN.items())]
        for one in runs
    ]  # fmt: skip
    used = [i for i in range(len(head)) if i < 4 or any(row[i] != "-" for row in rows)]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in used]

    def line(row: list[str]) -> str:
        cells = (row[i].ljust(w) if i < 4 else row[i].rjust(w) for i, w in zip(used, widths, strict=True))
        return "  ".join(cells).rstrip()

    done = sum(one.status == "finished" for one in runs)
    return "\n".join([line(head), *map(line, rows), "", f"{len(runs)} runs, {done} finished"])


def write_csv(runs: Sequence[Run], path: str | os.PathLike[str]) -> None:
    """One row a run: every setting and every number, names nested by dots; whole or not at all."""
    rows = [
        {"run": one.name, "verb": one.job, "status": one.status, "started": one.started, "source": one.source,
         **{f"settings.{key}": value for key, value in _flat(one.settings).items()}, **numbers_of(one)}
        for one in runs
    ]  # fmt: skip
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with atomic_path(path) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def draw(runs: Sequence[Run], path: str | os.PathLike[str]) -> None:
    """Draw the finished runs side by side at `path` (.png, .pdf, .svg), with what is drawn beside it as .csv."""
    from zeeman.base.checks import check_choice
    from zeeman.plots.drawn import write_drawn
    from zeeman.plots.runs import runs as drawing
    from zeeman.plots.style import save

    target = Path(path)
    check_choice(target.suffix, (".png", ".pdf", ".svg"), "the suffix of --figure")
    finished = [one for one in runs if one.metrics]
    if not finished:
        raise ValueError("no finished run to draw: repeat the commands of those that were stopped")
    figure = drawing([one.name for one in finished], [one.metrics for one in finished])
    save(figure, target)
    write_drawn(figure, target.with_suffix(".csv"))


def numbers_of(run: Run) -> dict[str, float]:
    """Every number of metrics.json by its path, with dots: ``energies.1``, ``lift.agreement.raw.mean``."""
    return {
        key: value for key, value in _flat(run.metrics).items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }  # fmt: skip


def _read(folder: Path, root: Path) -> Run:
    name = str(folder.relative_to(root)) if folder != root else folder.resolve().name
    try:
        record = read_json(folder / "run.json")
        settings = dict(record["settings"])
        files = settings.get("files", [])
        rest = f" + {len(files) - 1}" if len(files) > 1 else ""
        source = f"{Path(files[0]).name}{rest}" if files else settings["source"]
        metrics = dict(read_json(folder / "metrics.json")) if (folder / "metrics.json").is_file() else {}
        epochs = _epochs(folder / "metrics.jsonl")
    except KeyError as error:
        return Run(name, folder, status=f"unreadable: run.json has no {error}")
    except (ValueError, TypeError, OSError) as error:
        return Run(name, folder, status=f"unreadable: {error}")
    job = record.get("job") or ("spectrum" if files else "analyze")
    whole = bool(metrics) and (folder / "report.html").is_file()
    return Run(
        name, folder, job, "finished" if whole else "stopped", record.get("started", ""), source, settings, metrics,
        epochs,
    )  # fmt: skip


def _epochs(file: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    if file.is_file():
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue  # the last line of a run that was killed while it wrote
            found[row.get("training", "model")] = row["step"]
    return found


def _status(run: Run) -> str:
    if run.status == "stopped" and run.epochs:
        return "stopped, epoch " + " + ".join(str(epoch) for epoch in run.epochs.values())
    return run.status if len(run.status) < 40 else run.status[:37] + "..."


def _differing(runs: Sequence[Run]) -> list[str]:
    """Settings that are not the same in all runs that have them."""
    keys = dict.fromkeys(key for one in runs for key in one.settings if key not in _NOT_SHOWN)
    return [
        key for key in keys if len({_said(one.settings[key]) for one in runs if key in one.settings}) > 1
    ][:_WIDEST]  # fmt: skip


def _said(value: Any) -> str:
    if value is None:
        return "-"
    return format(value, "g") if isinstance(value, float) else str(value)


def _format(value: float | None, spec: str) -> str:
    return "-" if value is None else format(value, spec)


def _flat(values: Mapping[str, Any] | Sequence[Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items() if isinstance(values, Mapping) else enumerate(values):
        if isinstance(value, (Mapping, list, tuple)):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
