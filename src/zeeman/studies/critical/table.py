"""The table of critical temperatures: latent codes beside Binder's cumulant and PCA on the same samples.

OUT/SIZE/pieces holds what is finished (samples, one file a size of a row; estimates, one file a row), so a killed
command goes on; OUT/SIZE/table.json and table.md are written anew after every row.
"""

from __future__ import annotations

import json
import math
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from zeeman import spins
from zeeman.base.checks import check_choice
from zeeman.base.store import provenance, read_json, write_json, write_text
from zeeman.plots.style import save
from zeeman.plots.transitions import critical_temperature as draw
from zeeman.spins.statistics import shorthand
from zeeman.spins.transitions import CriticalTemperature
from zeeman.studies.critical.estimate import critical_temperature
from zeeman.studies.critical.orders import latent_template
from zeeman.studies.critical.roads import BEYOND, measured_roads, roads_written
from zeeman.studies.critical.rows import ROWS, Effort, Row, effort_of
from zeeman.studies.critical.samples import read_samples
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.shelf import Shelf

__all__ = ["ESTIMATORS", "Line", "critical_table", "markdown", "plan", "refusals", "written"]

ESTIMATORS = ("latent", "order", "beside", "pca")
_TITLES = dict(zip(ESTIMATORS, ("latent", "order parameter", "Binder, or stiffness (S)", "PCA"), strict=True))
_ANALYSIS = 7  # raise it when an estimate changes its meaning
_PILOT = 0.4  # error of the pilot, in parts of the largest size's range, that still finds it
_NEARER = 0.1  # of the latent error: less is no difference
_ALL_ROADS = "square"  # the row that is measured by every signal


@dataclass(frozen=True)
class Line:
    """One row measured: what every estimator found (plain values), the exact temperature, the seconds it took.

    `seed` and `commit` say what it was measured with: rows of one table may be of several commands, and a row of
    several commits. None is not known.
    """

    key: str
    title: str
    beside: str
    exact: float
    exact_error: float
    found: dict[str, dict[str, Any]]
    seconds: float
    roads: tuple[dict[str, Any], ...] = ()
    seed: int = 0
    commit: str | None = None

    def pull(self, estimator: str) -> float:
        """(value - exact) / error, the error of the exact value included."""
        one = self.found[estimator]
        return float((one["value"] - self.exact) / np.hypot(one["error"], self.exact_error))

    def off(self, estimator: str) -> float:
        """|value - exact|; infinite where there is no value."""
        return abs(self.found[estimator].get("value", math.inf) - self.exact)

    def nearer(self) -> list[str]:
        """Estimators nearer to the exact value than the code by a tenth of its error; the code itself where none is."""
        margin = _NEARER * self.found["latent"].get("error", 0.0)
        return [name for name in ESTIMATORS if self.off(name) < self.off("latent") - margin] or ["latent"]


def critical_table(
    rows: Sequence[str] = (),
    size: str = "quick",
    out: str | os.PathLike[str] = "runs/critical",
    *,
    seed: int = 0,
    progress: bool = True,
) -> list[Line]:
    """Measure rows of the table, all by default; a killed call goes on where it stopped when it is repeated.

    Parameters
    ----------
    rows : sequence of str
        Keys of `ROWS`.
    size : {"quick", "full", "smoke"}
        "quick": three sizes up to 32, about twenty minutes; "full": four up to 64 or more, about three hours; "smoke":
        the least that runs.
    out : path
        Folder; OUT/SIZE is written.
    seed : int
    progress : bool
    """
    _check_asked(rows, seed)
    effort, folder = effort_of(size), Path(out) / size
    shelf = Shelf(folder, progress=progress)
    lines = []
    keys = list(rows or ROWS)
    for key in shelf.each(keys, f"critical temperatures, {size}", [effort.cost_of(ROWS[key]) for key in keys]):
        lines.append(_line(key, ROWS[key], effort, shelf, seed))
        _write(folder, effort, lines)
    return lines


def plan(rows: Sequence[str], size: str, out: Path, seed: int = 0) -> dict[str, Any]:
    """What `critical_table` would do."""
    _check_asked(rows, seed)
    effort = effort_of(size)
    return {
        "would": "measure what is not finished",
        "out": str(out / size),
        "rows": {key: ROWS[key].title for key in rows or ROWS},
        "sizes_of_lattices": {key: list(effort.lengths_of(ROWS[key])) for key in rows or ROWS},
        "samples_a_temperature": {
            key: [effort.samples_of(ROWS[key], length) for length in effort.lengths_of(ROWS[key])]
            for key in rows or ROWS
        },
        "trainings": effort.n_replicas,
        "finished_pieces": len(list((out / size / "pieces").glob("*.npz"))),
    }


def _check_asked(rows: Sequence[str], seed: int) -> None:
    for key in rows:
        check_choice(key, tuple(ROWS), "row")
    if seed < 0:
        raise ValueError(f"seed must be non-negative, got {seed}")


def markdown(record: Mapping[str, Any]) -> str:
    """Table.json as it is read, in Markdown: the table, refusals, the roads, and the machine."""
    lines = [Line(**one) for one in record["lines"]]
    made = record["provenance"]
    text = [written(lines), "", _compared(lines), "", _pulls(lines), "", *refusals(lines), ""]
    for line in lines:
        if line.roads:
            text += [
                f"{line.title}, every road (exact {line.exact:.6f}):",
                "",
                roads_written(line.roads, line.exact),
                "",
            ]
    seconds = sum(line.seconds for line in lines)
    text.append(
        f"Size *{record['size']}*, {len(lines)} of {len(ROWS)} rows, {seconds / 60:.0f} minutes on "
        f"{made['processors']} processors; zeeman {made['versions'].get('zeeman', '')}; {_origins(lines)}."
    )
    return "\n".join(text)


def written(lines: Sequence[Line]) -> str:
    """Lines as a Markdown table: estimates with their errors in brackets, pulls after them; bold: `Line.nearer`."""
    head = ["model", "exact", *_TITLES.values()]
    text = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for line in lines:
        cells = [line.title, shorthand(line.exact, line.exact_error) if line.exact_error else f"{line.exact:.6f}"]
        for name in ESTIMATORS:
            one = line.found[name]
            if "value" not in one:
                cells.append("-")
                continue
            of = " S" if name == "beside" and line.beside == "helicity" else ""
            told = f"{shorthand(one['value'], one['error'])}{of}"
            cells.append(f"{f'**{told}**' if name in line.nearer() else told}, {line.pull(name):+.1f}")
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text)


def _origins(lines: Sequence[Line]) -> str:
    """Which rows are of which seed and commit."""
    groups: dict[tuple[int, str | None], list[str]] = {}
    for line in lines:
        groups.setdefault((line.seed, line.commit), []).append(line.key)
    told = [
        f"seed {seed}, commit {commit or 'unknown'}: {'all' if len(groups) == 1 else ', '.join(keys)}"
        for (seed, commit), keys in groups.items()
    ]
    return "; ".join(told)


def _compared(lines: Sequence[Line]) -> str:
    """In how many rows the code is the worse way, and to what."""
    counts = {name: sum(name in line.nearer() for line in lines) for name in ESTIMATORS}
    others = ", ".join(f"{_TITLES[name]} in {counts[name]}" for name in ESTIMATORS[1:])
    return (
        f"Bold is nearer to the exact value than the latent estimate, by a tenth of its error: of {len(lines)} rows: "
        f"{others}. In {counts['latent']} nothing is, and the latent estimate is bold."
    )


def _pulls(lines: Sequence[Line]) -> str:
    """Root mean square of the pulls of every estimator: 1 if errors say what they claim."""
    told = []
    for name in ESTIMATORS:
        pulls = [line.pull(name) for line in lines if "value" in line.found[name]]
        if pulls:
            told.append(f"{name} {np.sqrt(np.mean(np.square(pulls))):.2f} ({len(pulls)} rows)")
    return f"Root mean square of the pulls: {', '.join(told)}."


def refusals(lines: Sequence[Line]) -> list[str]:
    """Where an estimator found nothing, and why."""
    return [
        f"- {line.title}, {name}: {line.found[name]['refused']}"
        for line in lines
        for name in ESTIMATORS
        if "refused" in line.found[name]
    ]


def _data(
    key: str, row: Row, effort: Effort, shelf: Shelf, seed: int
) -> tuple[float, list[xr.Dataset], dict[str, Any]]:
    """First temperature, samples of every size, and the settings that say which they are."""
    lengths = effort.lengths_of(row)
    settings = {"row": key, "seed": seed, "n_temperatures": effort.n_temperatures}

    def pilot(_: Path) -> Numbers:
        return {"temperature": np.array(_pilot(row, lengths, effort, seed))}

    seen = {**settings, "n": effort.n_pilot, "lengths": lengths, "window": row.window, "reach": row.reach}
    centre = float(np.round(shelf.get(f"pilot-{key}", seen, pilot)["temperature"], 4))
    about = {**settings, "centre": centre, "reach": row.reach}
    data = []
    for length in lengths:
        make = partial(_samples, row, length, centre, effort, seed)
        which = {**about, "length": length, "n": effort.samples_of(row, length)}
        stored = shelf.get(f"samples-{key}-{length}", which, lambda _, make=make: make())  # type: ignore[misc]
        data.append(_dataset(row.make(length), stored))
    return centre, data, about | {"lengths": lengths, "n": effort.samples_of(row, lengths[0])}


def _line(key: str, row: Row, effort: Effort, shelf: Shelf, seed: int) -> Line:
    before = shelf.seconds
    centre, data, about = _data(key, row, effort, shelf, seed)
    about |= {"analysis": _ANALYSIS, "n_replicas": effort.n_replicas, "n_epochs": effort.n_epochs}
    found, commits = {}, []
    for name in ESTIMATORS:
        make = partial(_estimate, name, row, data, effort, shelf, key, seed)
        stored = shelf.get(f"estimate-{key}-{name}", about, lambda _, make=make: make())  # type: ignore[misc]
        found[name] = json.loads(str(stored["found"]))
        commits.append(str(stored.get("commit", "")))
    roads = _roads(row, data, centre, about, effort, shelf, seed) if key == _ALL_ROADS else ()
    exact = spins.exact.critical_temperature(row.make(8))
    return Line(
        key, row.title, row.beside, float(exact), float(exact.error), found, shelf.seconds - before, roads, seed,
        ", ".join(one or "unknown" for one in dict.fromkeys(commits)) if any(commits) else None,
    )  # fmt: skip


def _roads(
    row: Row, data: list[xr.Dataset], centre: float, about: dict[str, Any], effort: Effort, shelf: Shelf, seed: int
) -> tuple[dict[str, Any], ...]:
    """The square Ising model by every signal."""

    def make(_: Path) -> Numbers:
        far = [
            _sampled(
                row.make(length), [centre * (1 + x / length) for x in BEYOND], effort.n_samples, seed + 2000 + length
            )
            for length in about["lengths"]
        ]
        return measured_roads(data, far, effort, seed)

    return tuple(json.loads(str(shelf.get("roads", {**about, "beyond": BEYOND}, make)["found"])))


def _pilot(row: Row, lengths: Sequence[int], effort: Effort, seed: int) -> float:
    """A first temperature from few samples: of two small sizes over the window, then of two larger ones near there.

    Where that is not known well enough to find the largest size's range, of all but the smallest.
    """

    def crossing(lengths: Sequence[int], temperatures: Any, seed: int) -> CriticalTemperature:
        data = [_sampled(row.make(length), temperatures, effort.n_pilot, seed + length) for length in lengths]
        return critical_temperature(data, row.beside, n_bootstrap=20)

    first = crossing(lengths[:2], np.linspace(*row.window, 11), seed).value
    near = first * (1 + 2 * _offsets(row, lengths[1], effort))
    found = crossing(lengths[1:3], near, seed + 500)
    if len(lengths) > 3 and found.error > _PILOT * found.value * _offsets(row, lengths[-1], effort)[-1]:
        found = crossing(lengths[1:], near, seed + 500)
    return found.value


def _offsets(row: Row, length: int, effort: Effort) -> Any:
    """T / T_pilot - 1 of the samples of one size."""
    x = np.linspace(-row.reach, row.reach, effort.n_temperatures)
    return x * (1.0 if row.nu is None else length ** (-1 / row.nu))


def _samples(row: Row, length: int, centre: float, effort: Effort, seed: int) -> dict[str, Any]:
    temperatures = centre * (1 + _offsets(row, length, effort))
    data = _sampled(row.make(length), temperatures, effort.samples_of(row, length), seed + 1000 + length)
    return {name: data[name].values for name in ("configuration", "energy", "temperature")}


def _sampled(model: Any, temperatures: Any, n_samples: int, seed: int) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # chains that did not equilibrate have no place in the table
        return spins.sample(model, temperatures, n_samples, seed=seed)


def _dataset(model: Any, arrays: Mapping[str, Any]) -> xr.Dataset:
    """Stored samples as `zm.spins.sample` returned them."""
    lattice = model.lattice
    attrs = {name: value for name, value in vars(model).items() if isinstance(value, (int, float))}
    return xr.Dataset(
        {
            "configuration": (("sample", *lattice.axes, *model.value_axes), arrays["configuration"]),
            "energy": (("sample",), arrays["energy"]),
        },
        coords={"temperature": (("sample",), arrays["temperature"])},
        attrs={"model": type(model).__name__, "lattice": lattice.name, "length": lattice.shape[0], **attrs},
    )


def _estimate(
    name: str, row: Row, data: list[xr.Dataset], effort: Effort, shelf: Shelf, key: str, seed: int
) -> dict[str, Any]:
    """What one estimator finds, as JSON, and its picture."""
    start, commit = time.process_time(), np.array(provenance()["commit"] or "")
    try:
        found = critical_temperature(data, _estimator(name, row, data, effort, seed), seed=seed)
    except ValueError as refused:
        return {"found": np.array(json.dumps({"refused": str(refused)})), "commit": commit}
    found = replace(found, estimator={"beside": row.beside}.get(name, name))
    record = {**found.to_dict(), "cpu_seconds": time.process_time() - start}
    _draw(found, shelf.folder / "figures" / f"{key}-{name}.png", float(spins.exact.critical_temperature(row.make(8))))
    return {"found": np.array(json.dumps(record)), "commit": commit}


def _estimator(name: str, row: Row, data: list[xr.Dataset], effort: Effort, seed: int) -> Any:
    if name == "latent":
        return latent_template(read_samples(data[0])[0], seed, effort.n_replicas, effort.n_epochs)
    return row.beside if name == "beside" else name


def _draw(found: CriticalTemperature, path: Path, exact: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save(draw(found, exact=exact), path, dpi=150)


def _write(folder: Path, effort: Effort, lines: Sequence[Line]) -> None:
    """Write these lines, and beside them those that earlier commands left there."""
    path = folder / "table.json"
    kept = read_json(path)["lines"] if path.is_file() else []
    joined = {one["key"]: one for one in [*kept, *(asdict(line) for line in lines)]}
    record = {
        "size": effort.name, "lines": [joined[key] for key in ROWS if key in joined], "provenance": provenance(),
    }  # fmt: skip
    write_json(path, record)
    write_text(folder / "table.md", markdown(record) + "\n")
