"""All roads to T_c from the same codes, every signal of them, beside those of the known order parameter.

Measured for the square Ising model, where the exact value is known, to say which of them are worth taking. Peaks lie
above T_c by about L^(-1/nu), so samples at further temperatures join those of the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from zeeman.spins.statistics import shorthand
from zeeman.studies.critical.estimate import critical_temperature
from zeeman.studies.critical.orders import fitted_to, latent_template
from zeeman.studies.critical.rows import Effort
from zeeman.studies.critical.samples import read_samples
from zeeman.studies.critical.signals import CROSSING

__all__ = ["ROADS", "measured_roads", "roads_written"]

ROADS = (
    ("latent", "length"), ("latent", "cumulant"), ("latent", "gap"), ("latent", "susceptibility"),
    ("latent", "reconstruction"), ("pca", "gap"), ("pca", "susceptibility"),
    ("order", "length"), ("order", "cumulant"), ("order", "gap"), ("order", "susceptibility"),
)  # fmt: skip
BEYOND = (1.3, 1.7, 2.1)  # x = (T / T_pilot - 1) L^(1/nu) of the further temperatures


def measured_roads(near: Sequence[xr.Dataset], far: Sequence[xr.Dataset], effort: Effort, seed: int) -> dict[str, Any]:
    """What every road finds, as JSON; crossings from the samples near T_c, peaks from those beyond as well."""
    both = [xr.concat(pair, "sample", combine_attrs="override") for pair in zip(near, far, strict=True)]
    smallest = read_samples(near[0])[0]
    fitted = fitted_to(latent_template(smallest, seed, effort.n_replicas, effort.n_epochs), smallest, seed)
    lines = []
    for estimator, signal in ROADS:
        data = near if signal in CROSSING else both
        try:
            found = critical_temperature(data, fitted if estimator == "latent" else estimator, signal=signal, seed=seed)
            record = found.to_dict()
        except ValueError as refused:
            record = {"refused": str(refused)}
        lines.append({**record, "estimator": estimator, "signal": signal})
    return {"found": np.array(json.dumps(lines))}


def roads_written(lines: Sequence[Mapping[str, Any]], exact: float) -> str:
    """Lines of `measured_roads` as a Markdown table."""
    text = ["| order parameter | signal | T_c | pull | each size or pair |", "|---|---|---|---|---|"]
    for line in lines:
        cells = [line["estimator"], line["signal"]]
        if "value" in line:
            each = ", ".join(f"{key}: {shorthand(*found)}" for key, found in line["pseudocritical"].items())
            pull = (line["value"] - exact) / line["error"]
            cells += [shorthand(line["value"], line["error"]), f"{pull:+.1f}", each]
        else:
            cells += ["-", "-", line["refused"]]
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text)
