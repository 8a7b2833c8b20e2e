"""Tables of the page: metrics with the baseline beside, and plain listings of settings, times and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from zeeman.report.words import flatten, lookup, number, share

__all__ = ["listing", "metrics_table"]

_APART = ("pca", "spread", "seconds", "lift", "degeneracy")  # shown as columns or elsewhere
_UNIT_RANGE = ("correlation", "ari", "crosstalk", "kappa")
_SMALLER_IS_BETTER = ("axis_crosstalk",)


def metrics_table(metrics: Mapping[str, Any], method: str = "β-VAE") -> str:
    """Return rows of `metrics` with its spread over replicas and PCA's value at the same path, the better in bold."""
    spread, pca = metrics.get("spread", {}), metrics.get("pca", {})
    rows = flatten({key: value for key, value in metrics.items() if key not in _APART})
    heads = [method] + ["± replicas"] * bool(spread) + ["PCA"] * bool(pca)
    lines = []
    for path, value in rows.items():
        baseline = lookup(pca, path)
        own = lookup(metrics, path)
        if isinstance(value, (list, tuple, np.ndarray)):
            cells = [f'<td class="list" colspan="{len(heads)}">{escape(_text(value))}</td>']
            lines.append(f'<tr><th scope="row">{escape(_name(path))}</th>{"".join(cells)}</tr>')
            continue
        cells = [_cell(path, value, _better(path, own, baseline))]
        if spread:
            cells.append(_cell("", flatten(spread).get(path), False))
        if pca:
            cells.append(_cell(path, flatten(pca).get(path), _better(path, baseline, own)))
        lines.append(f'<tr><th scope="row">{escape(_name(path))}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in heads)
    return f'<table><thead><tr><th scope="col">Quantity</th>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


def listing(title: str, values: Mapping[str, Any], *, unit: str = "") -> str:
    """Return a folded two-column table of a nested mapping; nothing for an empty one."""
    if not values:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(_name(path))}</th><td>{escape(_text(value))}{unit}</td></tr>'
        for path, value in flatten(values).items()
    )
    return f"<details><summary>{escape(title)}</summary><table><tbody>{rows}</tbody></table></details>"


def _cell(path: str, value: Any, best: bool) -> str:
    if value is None:
        return "<td></td>"
    unit_range = any(word in path for word in _UNIT_RANGE) and isinstance(value, (float, np.floating))
    text = share(float(value)) if unit_range else _text(value)
    return f'<td class="best">{escape(text)}</td>' if best else f"<td>{escape(text)}</td>"


def _better(path: str, one: float | None, other: float | None) -> bool:
    if one is None or other is None or not any(word in path for word in _UNIT_RANGE):
        return False
    return one < other if any(word in path for word in _SMALLER_IS_BETTER) else one > other


def _name(path: str) -> str:
    text = (
        path.replace("n_clusters_frequency.", "frequency of k = ")
        .replace("n_clusters", "clusters found")
        .replace("_", " ")
        .replace(".", ", ")
    )
    for short, proper in (("elbo", "ELBO (nats per sample)"), ("cluster ari", "adjusted Rand index")):
        text = proper if text == short else text
    text = text.replace(" ari", " ARI").replace("kmeans", "k-means")
    return text[:1].upper() + text[1:]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return ", ".join(
            _text(item) if not isinstance(item, float) else f"{item:.3g}".replace("-", "−") for item in value
        )
    return number(value)
