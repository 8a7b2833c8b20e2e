"""The gallery, the claims and the latent spaces of the models, made from recorded results when the pages are built.

``docs/results/SIZE/FIGURE/numbers.npz`` is what ``zeeman reproduce FIGURE --size SIZE`` computed; pictures are drawn
and claims judged from it here, so no number on these pages is typed. In a page, ``<!-- gallery -->``,
``<!-- counts -->``, ``<!-- claims -->`` and ``<!-- latents -->`` stand for the text written below.
"""

from __future__ import annotations

import hashlib
import json
import math
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
from zeeman.studies.figures import FIGURES, MODELS, SIZES, Claim, PaperFigure, Verdict, figure, judge, read_numbers

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
        lines += [*_facts(result), "", *_table([result]), ""]
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


def counts() -> str:
    """How many claims hold, size by size, and on which the sizes disagree."""
    shelf = [(one, recorded(one)) for one in written()]
    return "\n".join([*_tally([results for _, results in shelf]), "", *_disagreements(shelf)])


def claims() -> str:
    """Claim by claim, the sizes side by side."""
    lines = []
    for paper, title in PAPERS.items():
        lines += [f"## Paper {paper}", "", f"{title}.", ""]
        for one in written():
            if one.key.startswith(paper):
                results = recorded(one)
                lines += [f"### {_plain(one.title)}", "", f"{{ref}}`Figure {one.key} <figure-{one.key}>`.", ""]
                for result in results:
                    lines += [f"Size *{result.size}*: {' '.join(_facts(result))}", ""]
                lines += [*_table(results), ""] if results else ["Not run yet at any size.", ""]
    return "\n".join(lines)


def _tally(shelf: Sequence[Sequence[Recorded]]) -> list[str]:
    """Verdicts counted size by size; no claim is counted twice in a row."""
    lines = ["| size | figures | claims | hold | in part | do not hold | judged by one seed |", "|---|" + "---:|" * 6]
    for size in reversed(SHOWN):
        here = [result for results in shelf for result in results if result.size == size]
        verdicts = [verdict for result in here for verdict in result.verdicts if verdict.verdict != "not measured"]
        counted = [sum(verdict.verdict == word for verdict in verdicts) for word in VERDICTS[:3]]
        single = sum(len(verdict.values) == 1 for verdict in verdicts)
        cells = map(str, (f"*{size}*", len(here), len(verdicts), *counted, single))
        lines += ["| " + " | ".join(cells) + " |"] if here else []
    return lines


def _disagreements(shelf: Sequence[tuple[PaperFigure, Sequence[Recorded]]]) -> list[str]:
    """The claims on which two sizes have two verdicts, in full view."""
    both = [(one, *pair) for one, results in shelf if len(results) == 2 for pair in _pairs(*results)]
    apart = [(one, large, small) for one, large, small in both if large.verdict != small.verdict]
    if not both:
        return ["No claim was judged at two sizes."]
    large, small = SHOWN
    single = sum(len(verdict.values) == 1 for _, verdict, _ in apart)
    told = (
        f"Of the {len(both)} claims judged at both sizes {len(both) - len(apart)} have one verdict and {len(apart)} "
        f"have two; of these {single} rest on one seed of size *{large}*:"
    )
    lines = [told, "", f"| figure | what is claimed | holds if | {large} | {small} |", "|---|---|---|---|---|"]
    for one, *pair in apart:
        claim = pair[0].claim
        cells = [
            f"{{ref}}`{one.key} <figure-{one.key}>`",
            _says(claim),
            f"[holds if]{{.label}} {_plain(claim.interval)}",
        ]
        cells += [f"[{size}]{{.label}} {_found(verdict)}" for size, verdict in zip(SHOWN, pair, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _pairs(large: Recorded, small: Recorded) -> list[tuple[Verdict, Verdict]]:
    """Verdicts on the same claims."""
    there = {verdict.claim.name: verdict for verdict in small.verdicts}
    return [(verdict, there[verdict.claim.name]) for verdict in large.verdicts if verdict.claim.name in there]


def _table(results: Sequence[Recorded]) -> list[str]:
    """Return a row for each claim of a figure and a column for each size it was judged at."""
    found: dict[str, dict[str, Verdict]] = {}
    for result in results:
        for verdict in result.verdicts:
            found.setdefault(verdict.claim.name, {})[result.size] = verdict
    if not found:
        return ["No claim is recorded for this figure."]
    sizes = [result.size for result in results]
    lines = [f"| what is claimed | holds if | {' | '.join(sizes)} |", "|---|---|" + "---|" * len(sizes)]
    for row in sorted(found.values(), key=lambda row: VERDICTS.index(next(iter(row.values())).verdict)):
        claim = next(iter(row.values())).claim
        cells = [_says(claim), f"[holds if]{{.label}} {_plain(claim.interval)} [{_plain(_why(claim))}]{{.measure}}"]
        cells += [f"[{size}]{{.label}} {_full(row[size])}" if size in row else "–" for size in sizes]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _says(claim: Claim) -> str:
    return f"{_plain(claim.says)} ({_plain(claim.source)}) [{_plain(claim.measure)}]{{.measure}}"


def _why(claim: Claim) -> str:
    """Why the interval is this one, and what stands beside the values."""
    beside = [("Cheap method: ", claim.baseline), ("Null: ", claim.null)]
    return ". ".join([claim.why.rstrip("."), *(kind + name for kind, name in beside if name)]) + "."


def _found(verdict: Verdict) -> str:
    """The verdict and what was measured."""
    word = f"[{verdict.verdict}]{{.verdict .{verdict.verdict.replace(' ', '-')}}}"
    return f"{word} [{_plain(_spread(verdict.values, within=verdict.claim))}]{{.found}}"


def _full(verdict: Verdict) -> str:
    """The same, with the cheap method and the null on the same data."""
    beside = [f"cheap method {_spread(verdict.baseline)}"] if verdict.baseline else []
    beside += [f"null {_spread(verdict.null, 'draw')}"] if verdict.null else []
    return " ".join([_found(verdict), *(f"[{_plain(each)}]{{.measure}}" for each in beside)])


def _spread(values: Sequence[float], of: str = "seed", within: Claim | None = None) -> str:
    """Mean ± standard deviation over seeds or draws, to two digits of the latter, and the extremes.

    Values are written with as many more digits as it takes to see on which side of a claim's limits they are.
    """
    values = [v for v in values if np.isfinite(v)]
    if not values:
        return "–"
    many = f"({len(values)} {of}{'s' * (len(values) > 1)})"
    low, high = min(values), max(values)
    deviation = 0.0 if low == high else float(np.std(values, ddof=1))
    places = _places(deviation or abs(low), 1 if deviation else 2)
    while within is not None and any(_inside(within, v) != _inside(within, round(v, places)) for v in values):
        places += 1
    if not deviation:
        return f"{_value(low, places)} {many}"
    mean, low, high = (_value(v, places) for v in (float(np.mean(values)), low, high))
    return f"{mean} ± {_value(deviation, places)}, {low} to {high} {many}"


def _places(value: float, more: int) -> int:
    """Decimals that show so many digits after the first of a value, four at most; none of a whole number."""
    return 0 if value == round(value) else min(4, max(0, more - math.floor(math.log10(value))))


def _inside(claim: Claim, value: float) -> bool:
    return claim.low <= value <= claim.high


def _value(value: float, places: int) -> str:
    """A number with so many decimals, a true minus, and none before zero."""
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")


def _plain(text: str) -> str:
    """Text whose marks mean themselves."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    for make in (gallery, counts, claims, latent_spaces):
        mark = f"<!-- {make.__name__.replace('latent_spaces', 'latents')} -->"
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
