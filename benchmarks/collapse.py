"""Where trained networks lose their code: Table I networks around the exact collapse, on lattices of two sizes.

    python benchmarks/collapse.py [--lattice 16 32] [--seeds 2] [--out FOLDER] [--json FILE]

Three numbers that need no network stand beside what was trained: 4 lambda_max(Cov x), where weak codes die; the exact
collapse, above which no encoder and decoder beat independent sites; and |J| L^2 / 2, the rule of paper 002. A code is
alive when it carries a tenth of a nat; the measured collapse lies between the last beta alive and the first without.
A training is a piece in FOLDER: a stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from zeeman.meanfield import collapse_beta, collapse_threshold
from zeeman.studies.figures import Shelf, size_of
from zeeman.studies.figures._ising import configurations, trained

FRACTIONS = (0.7, 0.85, 0.95, 1.05, 1.2)  # of the exact collapse
ALIVE = 0.1  # nats


def measured(size, seed, shelf):
    """Rates (beta,) of networks around the exact collapse of this seed's data, and the three thresholds."""
    X, _ = configurations(size.lattice, size.n_configurations, seed)
    exact, linear = collapse_beta(X), collapse_threshold(X).beta
    scale = size.beta(1.0)
    betas = [round(fraction * exact / scale, 1) for fraction in FRACTIONS]  # as the paper counts: for 32 x 32 sites
    rates = [float(trained(size, beta, seed, "free", shelf)["rate"]) for beta in betas]
    dead = [(low, high) for (low, a), (high, b) in pairwise(zip(betas, rates, strict=True)) if a > ALIVE >= b]
    return {
        "lattice": size.lattice, "seed": seed, "linear": linear, "exact": exact, "paper_rule": size.lattice**2 / 2,
        "betas": [beta * scale for beta in betas], "rates": rates,
        "between": [beta * scale for beta in dead[0]] if dead else None,
    }  # fmt: skip


def said(row):
    """One line for people."""
    where = "not in this range" if row["between"] is None else "between {:.0f} and {:.0f}".format(*row["between"])
    rates = "  ".join(f"{beta:.0f}: {rate:.2f}" for beta, rate in zip(row["betas"], row["rates"], strict=True))
    return (
        f"L = {row['lattice']}, seed {row['seed']}: networks collapse {where}; exact {row['exact']:.1f}, "
        f"4 lambda_max {row['linear']:.1f}, |J| L^2/2 = {row['paper_rule']:.0f}\n    rate by beta   {rates}"
    )


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lattice", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/collapse"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for lattice in options.lattice:
        size = replace(size_of("quick", options.seeds), lattice=lattice)
        for seed in size.seeds:
            rows.append(measured(size, seed, Shelf(options.out)))
            print(said(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, default=np.ndarray.tolist) + "\n")


if __name__ == "__main__":
    main()
