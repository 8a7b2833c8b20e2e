"""The gallery, the claims and the latent spaces of the models, made from recorded results when the pages are built.

``docs/results/SIZE/FIGURE/numbers.npz`` is what ``zeeman reproduce FIGURE --size SIZE`` computed; pictures are drawn
and claims judged from it here, so no number on these pages is typed. In a page, ``<!-- gallery -->``,
``<!-- claims -->`` and ``<!-- latents -->`` stand for the text written below.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from sphinx.application import Sphinx
from sphinx.util import logging

from zeeman.studies import figures, latents
from zeeman.studies.figures import FIGURES, MODELS, SIZES, PaperFigure, Verdict, figure, judge, read_numbers

LOGGER = logging.getLogger(__name__)
HERE = Path(__file__).resolve().parent.parent
RESULTS, PICTURES = HERE / "results", HERE / "_build" / "gallery"
PAPERS = {
    "000": "*Perturbation theory approach to study the latent space degeneracy of variational autoencoders*",
    "002": "*Learning disentangled representation for classical models*",
}
SHOWN = ("paper", "quick")  # sizes worth showing, the most telling first
VERDICTS = ("holds", "in part", "does not hold", "not measured")
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+!|$~^@&\"'-])")


@dataclass(frozen=True)
class Recorded:
    """One figure at one size, as it was computed: its numbers, the verdicts on them and what is known of the run."""

    size: str
    figure: PaperFigure
    numbers: dict[str, np.ndarray]
    verdicts: list[Verdict]
    run: dict[str, Any]


def written() -> list[PaperFigure]:
    """All figures, in the order of the papers."""
    return [figure(key) for key in FIGURES]


def recorded(one: PaperFigure) -> list[Recorded]:
    """What was computed of a figure, the largest size first."""
    found = []
    for size in SHOWN:
        folder = RESULTS / size / one.key
        if (folder / "numbers.npz").is_file():
            numbers = read_numbers(folder / "numbers.npz")
            found.append(Recorded(size, one, numbers, _judged(one, numbers, folder), _run(folder)))
    return found


def _judged(one: PaperFigure, numbers: dict[str, np.ndarray], folder: Path) -> list[Verdict]:
    verdicts = []
    for claim in one.claims:
        try:
            verdicts += judge([claim], numbers)
        except KeyError as error:
            LOGGER.warning("%s: %s is not in the recorded numbers; run `zeeman reproduce` again", folder, error)
    return verdicts


def _run(folder: Path) -> dict[str, Any]:
    """Settings, seconds and machine of the run, as ``verdicts.json`` keeps them."""
    file = folder / "verdicts.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def picture(result: Recorded) -> str:
    """Draw the figure once for its numbers and the code of all figures; the path from the folder of the pages."""
    homes = (figures, latents) if result.figure.key in MODELS else (figures,)
    files = [file for home in homes for file in sorted(Path(home.__file__).parent.glob("*.py"))]
    code = b"".join(file.read_bytes() for file in files)
    numbers = (RESULTS / result.size / result.figure.key / "numbers.npz").read_bytes()
    name = f"{result.figure.key}-{result.size}-{hashlib.sha256(code + numbers).hexdigest()[:10]}.png"
    path = PICTURES / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = result.figure.draw(result.numbers)
        drawn.savefig(path, dpi=160, bbox_inches="tight", facecolor="white")
        plt.close(drawn)
    return path.relative_to(HERE).as_posix()


def gallery() -> str:
    """All figures: picture, what is shown, command, claims."""
    return "\n\n".join(_section(one, _place(one.key)) for one in written())


def latent_spaces() -> str:
    """The latent spaces of all models, in the same form."""
    return "\n\n".join(_section(figure(key), "") for key in MODELS)


def _place(key: str) -> str:
    """Where in the papers a figure stands."""
    return f"Paper {key[:3]}, {'equation' if key == '002-12' else 'figure'} {key.split('-')[1]}."


def _section(one: PaperFigure, place: str) -> str:
    lines = [f"(figure-{one.key})=", f"## {_plain(one.title)}", "", place, "", _plain(one.caption), ""]
    results = recorded(one)
    for result in results:
        alt = _plain(f"{one.title}, size {result.size}")
        lines += [f"### Size: {result.size}", "", f"![{alt}]({picture(result)})", ""]
        lines += [*_command(one, result.size, result.run.get("size", {}).get("seeds")), ""]
        lines += [*_facts(result), "", *_table(result.verdicts), ""]
    missing = [size for size in reversed(SHOWN) if size not in {result.size for result in results}]
    for size in missing:
        lines += [f"Size *{size}*: not run.", "", *_command(one, size), ""]
    return "\n".join(lines)


def _command(one: PaperFigure, size: str, seeds: Sequence[int] | None = None) -> list[str]:
    """The command that makes this record again, with the number of seeds where it is not the size's own."""
    more = f" --seeds {len(seeds)}" if seeds is not None and len(seeds) != len(SIZES[size].seeds) else ""
    return ["```console", f"$ zeeman reproduce {one.key} --size {size}{more}", "```"]


def _facts(result: Recorded) -> list[str]:
    """Settings and machine, in a line each."""
    lines = []
    if settings := {k: v for k, v in result.run.get("size", {}).items() if k != "name"}:
        told = [f"{key.replace('n_', '').replace('_', ' ')} {_setting(value)}" for key, value in settings.items()]
        told += [f"images {result.numbers['source']}"] if "source" in result.numbers else []
        lines.append(f"[Settings: {_plain(', '.join(told))}.]{{.measure}}")
    if made := result.run.get("provenance", {}):
        versions = made.get("versions", {})
        told = [f"{result.run['seconds']:.0f} s"] if "seconds" in result.run else []
        told += [f"{made.get('processors')} processors, {str(made.get('platform')).partition('-')[0]}"]
        told += [f"{name} {versions[name]}" for name in ("zeeman", "torch") if name in versions]
        told += [f"commit {made['commit']}"] if made.get("commit") else []
        lines.append(f"[Run: {_plain(', '.join(told))}.]{{.measure}}")
    return [" ".join(lines)]


def _setting(value: Any) -> str:
    return (
        " ".join(map(str, value)) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else str(value)
    )


def claims() -> str:
    """How many claims hold, then claim by claim, at the largest size that was run."""
    blocks, tally = [], dict.fromkeys(VERDICTS, 0)
    for paper, title in PAPERS.items():
        blocks += [f"## Paper {paper}", "", f"{title}.", ""]
        for one in (each for each in written() if each.key.startswith(paper)):
            results = recorded(one)
            blocks += [f"### {_plain(one.title)}", ""]
            if not results:
                blocks += [f"Not run yet at any size: {{ref}}`figure {one.key} <figure-{one.key}>`.", ""]
                continue
            for verdict in results[0].verdicts:
                tally[verdict.verdict] += 1
            others = ", ".join(result.size for result in results[1:])
            also = f" (also run: {others})" if others else ""
            blocks += [f"{{ref}}`Figure {one.key} <figure-{one.key}>`, size *{results[0].size}*{also}.", ""]
            blocks += [*_facts(results[0]), "", *_table(results[0].verdicts), ""]
    count = [f"**{number}** {verdict}" for verdict, number in tally.items() if number]
    head = f"Of {sum(tally.values())} claims: {', '.join(count)}." if count else "No figure has been run yet."
    return "\n".join([head, "", *blocks])


def _table(verdicts: Sequence[Verdict]) -> list[str]:
    if not verdicts:
        return ["No claim is recorded for this figure."]
    lines = ["| verdict | what is claimed | measured | holds if | cheap method | null |", "|---|---|---|---|---|---|"]
    for verdict in sorted(verdicts, key=lambda v: VERDICTS.index(v.verdict)):
        claim = verdict.claim
        word = f"[{verdict.verdict}]{{.verdict .{verdict.verdict.replace(' ', '-')}}}"
        says = f"{_plain(claim.says)} ({_plain(claim.source)}) [{_plain(claim.measure)}]{{.measure}}"
        beside = [
            f"{_spread(values, of)} ({_plain(name)})" if values else "–"
            for name, values, of in (
                (claim.baseline, verdict.baseline, "seed"),
                (claim.null, verdict.null, "draw"),
            )
        ]
        why = f"{_plain(claim.interval)} [{_plain(claim.why)}]{{.measure}}"
        lines.append(f"| {word} | {says} | {_spread(verdict.values)} | {why} | {' | '.join(beside)} |")
    return lines


def _spread(values: Sequence[float], of: str = "seed") -> str:
    """Mean ± standard deviation over seeds or draws, with the extremes where there are more than two."""
    values = [v for v in values if np.isfinite(v)]
    if not values:
        return "–"
    if len(values) == 1:
        return f"{_value(values[0])} (1 {of})"
    text = f"{_value(float(np.mean(values)))} ± {_value(float(np.std(values, ddof=1)))}"
    return f"{text}, {_value(min(values))} to {_value(max(values))} ({len(values)} {of}s)"


def _value(value: Any) -> str:
    return f"{value:.3g}".replace("-", "−") if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    """Text whose marks mean themselves."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    for mark, make in (("<!-- gallery -->", gallery), ("<!-- claims -->", claims), ("<!-- latents -->", latent_spaces)):
        if mark in source[0]:
            source[0] = source[0].replace(mark, make())


def _outdated(app: Sphinx, *_: Any) -> list[str]:
    """These pages are read again in every build: what they show lies outside of them."""
    return [name for name in ("gallery", "holds", "latents") if name in app.env.found_docs]


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill the pages as they are read."""
    plt.switch_backend("agg")
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
