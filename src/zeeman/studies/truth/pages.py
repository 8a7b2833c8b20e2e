"""The truth table in words: for a terminal, and as Markdown from what was recorded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import chi2 as chi_squared

from zeeman.spins.statistics import shorthand
from zeeman.studies.truth.job import Run, Truth

__all__ = ["markdown", "table"]

_HEADS = {
    "energy": "E/N", "specific_heat": "C/N", "absolute": r"⟨\|m\|⟩", "second": "⟨m²⟩", "binder": "U₄",
    "identity_energy": "local identity", "identity_order": "global identity",
}  # fmt: skip


def table(found: Truth) -> str:
    """One line a family and update, the runs that are farthest off, and the verdict."""
    lines = [f"{'':14}{'update':18}{'runs':>5}{'chi2':>9}{'dof':>5}{'p':>8}{'largest |z|':>13}"]
    for (family, method), runs in _groups(found.runs).items():
        chi2, dof = sum(run.chi2 for run in runs), sum(run.dof for run in runs)
        largest = max(float(np.nanmax(np.abs(run.z))) for run in runs)
        lines.append(
            f"{family:14}{method:18}{len(runs):>5}{chi2:>9.1f}{dof:>5}{_p(chi2, dof, '>8.3f'):>8}{largest:>13.1f}"
        )
    lines += ["", "farthest off:"]
    lines += [f"  p = {run.p:<8.2g} {run.case}: {run.method}" for run in sorted(found.runs, key=lambda r: r.p)[:3]]
    (together, alone), wrong = found.least, found.dof and not found.holds
    observables = [f"{name} {chi2:.1f}/{dof}" for name, (chi2, dof) in found.by_observable().items()]
    return "\n".join([
        *lines, "", "chi2/runs of one observable: " + ", ".join(observables), "",
        f"chi2 = {found.chi2:.1f} for {found.dof} degrees of freedom in {len(found.runs)} runs, p = {found.p:.3f}, "
        f"alarm below {together:g}; smallest of one run p = {min(run.p for run in found.runs):.2g}, alarm below "
        f"{alone:.2g}: {found.verdict.upper() if wrong else found.verdict}",
    ])  # fmt: skip


def markdown(recorded: Mapping[str, Any]) -> str:
    """Tables of a recorded ``truth.json``: verdict, updates, observables, then every run."""
    runs = recorded["runs"]
    verdict = recorded.get("verdict", "as chance has it" if recorded["holds"] else "something is wrong")
    verdict = f"**{verdict}**" if verdict == "something is wrong" else verdict
    machine = recorded["machine"]
    lines = [
        f"**χ² = {recorded['chi2']:.1f} for {recorded['dof']} degrees of freedom, p = {recorded['p']:.3f}**: "
        f"{verdict}. "
        f"{len(runs)} runs of up to {max(run['n_effective'] for run in runs):,} independent configurations.", "",
        f"[Run: size {recorded['size']}, seed {recorded['seed']}, {recorded['seconds']:.0f} s, "
        f"{machine['processors']} processors, zeeman {machine['versions'].get('zeeman')}, commit {machine['commit']}.]"
        "{.measure}", "",
        *_updates(runs), "", *_observables(recorded), "",
    ]  # fmt: skip
    for family in dict.fromkeys(run["family"] for run in runs):
        lines += [
            f"## {family.replace('-', ' ').capitalize()}",
            "",
            *_family(runs, recorded["observables"], family),
            "",
        ]
    return "\n".join(lines)


def _updates(runs: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """χ²/dof of every family and update, with its p below it."""
    families = list(dict.fromkeys(run["family"] for run in runs))
    methods = [*sorted({run["method"] for run in runs} - {"auto"}), "auto"]
    yield "| update | " + " | ".join(families) + " |"
    yield "|---" * (len(families) + 1) + "|"
    for method in methods:
        cells = []
        for family in families:
            chosen = [run for run in runs if (run["family"], run["method"]) == (family, method)]
            chi2, dof = sum(run["chi2"] for run in chosen), sum(run["dof"] for run in chosen)
            cells.append(f"{chi2:.0f}/{dof}, p = {_p(chi2, dof, '.2f')}" if chosen else "")
        yield f"| {method} | " + " | ".join(cells) + " |"


def _observables(recorded: Mapping[str, Any]) -> Iterable[str]:
    yield "| observable | runs | Σ z² |"
    yield "|---|---|---|"
    for name, row in recorded["by_observable"].items():
        yield f"| {_HEADS[name]} | {row['dof']} | {row['chi2']:.1f} |"


def _family(runs: Sequence[Mapping[str, Any]], observables: Sequence[str], family: str) -> Iterable[str]:
    """Every run of a family: exact values once a case, then what each update found."""
    mine = [run for run in runs if run["family"] == family]
    shown = [k for k in range(len(observables)) if any(run["exact"][k] is not None for run in mine)]
    yield "| case, update | " + " | ".join(_HEADS[observables[k]] for k in shown) + " | χ²/dof | p |"
    yield "|---" * (len(shown) + 3) + "|"
    case = None
    for run in mine:
        if run["case"] != case:
            case = run["case"]
            values = [_exact(run["exact"][k], observables[k]) for k in shown]
            yield f"| **{case}** [{run['against']}]{{.measure}} | " + " | ".join(values) + " | | |"
        cells = [_found(run["found"][k], run["error"][k], run["z"][k]) for k in shown]
        yield f"| {run['method']} | " + " | ".join(cells) + f" | {run['chi2']:.1f}/{run['dof']} | {run['p']:.2g} |"


def _exact(value: float | None, observable: str) -> str:
    return "" if value is None else "0" if observable.startswith("identity") else f"**{value:.7g}**".replace("-", "−")


def _found(value: float | None, error: float | None, z: float | None) -> str:
    if value is None or error is None or z is None:
        return ""
    told = shorthand(value, error) if error > 0 else f"{value:g}"
    return f"{told} [{z:+.1f}]{{.measure}}".replace("-", "−")


def _p(chi2: float, dof: int, spec: str) -> str:
    return format(chi_squared.sf(chi2, dof), spec) if dof else "-"


def _groups(runs: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.family, run.method), []).append(run)
    assert all(math.isfinite(run.chi2) for run in runs)
    return groups
