"""The section on many trainings: how far each frame agrees, what separates the trainings, and what that does not mean.

Every number stands beside its nulls and the cheap frames; what was fitted on paired samples is marked as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from zeeman.base.results import Analysis, Retrainings
from zeeman.report.tables import listing

__all__ = ["RETRAININGS", "finding", "section"]

RETRAININGS = ("retrainings", "agreement")  # figures that belong to this section
_IN_ORDER, _AS_SPACES = "ordered_correlation", "subspace_agreement"
_TIE = 0.01  # mean agreements closer than this are called level
_SEPARATED = 0.85  # kappa that sheets, rings and arcs seldom reach
_MEANS = {
    "identical": "nothing at all (identical)",
    "sign/permutation": "signs and the order of axes (sign/permutation)",
    "rotation": "a rotation or reflection (rotation)",
    "affine": "an affine map, scales and shears (affine)",
    "warp": "a smooth map that is not affine, each code a function of the other (warp)",
    "collapse": "dimensions that one of them does not use (collapse)",
    "different optimum": "more than any smooth map can undo: they hold different things (different optimum)",
}
_COLUMNS = {"ordered_correlation": "in order", "matched_correlation": "matched", "subspace_agreement": "subspace"}


def finding(analysis: Analysis) -> list[str]:
    """Return the sentence that the page opens with, if there are several trainings."""
    if analysis.retrainings is None:
        return []
    several = analysis.retrainings
    measure = _measure(several)
    mean = {frame: _three(_mean(several, frame, measure)) for frame in ("raw", "PCA", "energies")}
    how = "agree state by state at" if measure == _IN_ORDER else "have low states that span the same space to"
    return [
        f"{len(several)} trainings, read by their energies and without paired samples, {how} {mean['energies']} "
        f"(raw axes\u00a0{mean['raw']}, PCA\u00a0{mean['PCA']})."
    ]


def section(analysis: Analysis, figures: Sequence[str]) -> str:
    """Return the section as HTML, `figures` (HTML each) inside; empty for a single training."""
    several = analysis.retrainings
    if several is None:
        return ""
    pairs = {
        f"{several.names[a]} and {several.names[b]}": verdict.sentence
        for (a, b), verdict in zip(several.degeneracy.pairs, several.degeneracy.verdicts, strict=True)
    }
    said = "".join(f'<p class="lead">{escape(sentence)}</p>' for sentence in _judgement(analysis, several))
    return (
        f'<section id="retrainings"><h2>Retrainings</h2><p>{escape(_opening(several))}</p>{"".join(figures)}'
        f"<h3>Agreement of pairs of trainings</h3>{_frames(several)}{said}"
        f"<h3>Every training</h3>{_trainings(several)}{listing('What separates each pair', pairs)}</section>"
    )


def _opening(several: Retrainings) -> str:
    report, n = several.degeneracy, len(several.spaces[0])
    kinds = [f"{count} by {_MEANS.get(kind, kind)}" for kind, count in report.kinds.items()]
    if len(report.pairs) == 1:
        judged = f"held-out samples say that the two are separated {kinds[0].removeprefix('1 ')}."
    else:
        judged = f"held-out samples say what separates their {len(report.pairs)} pairs: {'; '.join(kinds)}."
    return f"{len(several)} trainings of the same {n:,} samples; {judged}"


def _judgement(analysis: Analysis, several: Retrainings) -> Iterator[str]:
    """Who agrees best, in which sense, and what none of it shows."""
    report, lift = several.degeneracy, several.lift
    yield _contest(several, "energies", ("PCA", "ICA", "raw"), "Without paired samples", _measure(several))
    if _measure(several) == _AS_SPACES:
        blocks = [f"{first} to {last}" for first, last in lift.blocks if first < last and first <= report.n_axes]
        yield (
            f"States {' and '.join(blocks)} are nearly degenerate: their order and direction cannot be told, so "
            "they are compared as the space they span, and so is every frame in that sentence (in the table and in "
            "the figure, states by energy only)."
        )
    yield _contest(several, "lifted", ("Procrustes", "relative"), "Fitted on half of the samples as pairs, and judged "
                   "on the other half")  # fmt: skip
    rotation = report.nulls["ordered_correlation"]["rotation"]
    yield (
        f"A random rotation of the same codes leaves {_three(rotation.mean)} ± {_three(rotation.sd)} in order: inside "
        "that band axes agree no better than after an arbitrary turn, though subspaces lose nothing by one."
    )
    yield _clusters(analysis, several)
    if lift.n_clusters > 1:
        yield (
            f"Localized states, matched by their clusters, correlate at {_three(report.localized.mean())} (worst pair "
            f"{_three(report.localized.min())}); labels agree to an adjusted Rand index of "
            f"{_three(report.labels_ari.mean())} (worst {_three(report.labels_ari.min())})."
        )
    yield "Agreement is not correctness: poor trainings can agree. The held-out bound of each is below, where known."


def _contest(
    several: Retrainings, ours: str, others: tuple[str, ...], where: str, measure: str = _IN_ORDER
) -> str:  # fmt: skip
    own = _mean(several, ours, measure)
    best = max(others, key=lambda frame: _mean(several, frame, measure))
    theirs = _mean(several, best, measure)
    numbers = f"{_three(own)} on average and {_three(_worst(several, ours, measure))} in the worst pair"
    rival = f"{_three(theirs)} and {_three(_worst(several, best, measure))}"
    name = {"energies": "states by energy", "lifted": "lifted states"}[ours]
    how = "in order" if measure == _IN_ORDER else "as spaces"
    if own > theirs + _TIE:
        return f"{where}, {name} agree {how} at {numbers}; the best other frame, {best}, at {rival}."
    if own >= theirs - _TIE:
        return f"{where}, {name} agree {how} at {numbers}; {best} is as good here, {rival}."
    return f"{where}, {best} agrees better here, {rival}, than {name} do, {numbers}: for these data take {best}."


def _clusters(analysis: Analysis, several: Retrainings) -> str:
    lift, k = several.lift, several.lift.n_clusters
    found = lift.found.tolist()
    alike = all(value == k for value in found)
    said = (
        f"Every training finds {k} by itself. "
        if alike
        else f"By themselves the trainings find {', '.join(map(str, found))} sets; all are read with {k}. "
    )
    kappa = (analysis.kappa or {}).get(k)
    if k == 1:
        return said + (
            "One connected set: the low states then describe its shape, and where levels lie close their order and "
            "direction need not survive retraining."
        )
    if kappa is None:
        return said.strip()
    if kappa >= _SEPARATED:
        return said + f"Separation κ = {_three(kappa)}, above {_SEPARATED}: separated sets."
    return said + (
        f"Separation κ = {_three(kappa)}, below {_SEPARATED}: by it they cannot be told from a sheet, "
        "a ring or an arc cut in pieces."
    )


def _frames(several: Retrainings) -> str:
    """Table: a row a frame and null, mean ± sd over pairs and the worst pair."""
    table = several.degeneracy.to_frame()
    head = "".join(f'<th scope="col">{title}</th><th scope="col">worst</th>' for title in _COLUMNS.values())
    lines = []
    for frame, row in table.iterrows():
        cells = "".join(
            f"<td>{_three(row[name])} ± {_three(row[f'{name}_sd'])}</td><td>{_three(row[f'{name}_worst'])}</td>"
            for name in _COLUMNS
        )
        seen = "yes" if row["sees_pairs"] else "" if str(frame).startswith("null") else "no"
        lines.append(f'<tr><th scope="row">{escape(str(frame))}</th>{cells}<td>{seen}</td></tr>')
    return (
        f'<div class="wide"><table><thead><tr><th scope="col">Frame</th>{head}<th scope="col">sees pairs</th></tr>'
        f"</thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _trainings(several: Retrainings) -> str:
    report = several.degeneracy
    columns: dict[str, list[Any]] = {
        "clusters found": several.lift.found.tolist(),
        "active units": [latent["active_units"] for latent in report.latents],
        "participation rank": [f"{latent['participation_rank']:.2f}" for latent in report.latents],
    }
    if all("kl" in latent for latent in report.latents):
        columns["KL (nats)"] = [f"{latent['kl']:.2f}" for latent in report.latents]
    titles = {"elbo": "held-out ELBO (nats)"}
    for name, values in report.scores.items():
        columns[titles.get(name, name)] = [f"{float(value):,.1f}".replace("-", "−") for value in values]
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(str(values[r]))}</td>" for values in columns.values())
        + "</tr>"
        for r, name in enumerate(several.names)
    )
    return (
        f'<div class="wide"><table><thead><tr><th scope="col">Training</th>{head}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _measure(several: Retrainings) -> str:
    """In order, unless states that are compared are nearly degenerate: then the spaces they span, in every frame."""
    inside = [first < last for first, last in several.lift.blocks if first <= several.degeneracy.n_axes]
    return _AS_SPACES if any(inside) else _IN_ORDER


def _mean(several: Retrainings, frame: str, measure: str) -> float:
    return float(several.degeneracy.values[frame][measure].mean())


def _worst(several: Retrainings, frame: str, measure: str) -> float:
    return float(several.degeneracy.values[frame][measure].min())


def _three(value: float) -> str:
    """Three decimals, never rounded up to a perfect 1."""
    if not math.isfinite(value):
        return "–"
    return f"{math.floor(value * 1e3 + 1e-9) / 1e3:.3f}".replace("-", "−")
