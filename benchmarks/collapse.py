"""Where trained networks lose their code: Table I networks around the exact collapse, on lattices of two sizes.

    python benchmarks/collapse.py [--lattice 16 32] [--seeds 2] [--out FOLDER] [--json FILE]

Three numbers that need no network stand beside what was trained: 4 lambda_max(Cov x), where weak codes die; the exact
collapse, above which no encoder and decoder beat independent sites; and |J| L^2 / 2, the rule of paper 002. Near a
threshold a training of any length shows its start: "random" has to find a code, "pca" to lose the one it begins with.
A code is alive when it carries a tenth of a nat. A training is a piece in FOLDER: a stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from zeeman.meanfield import collapse_beta, collapse_threshold
from zeeman.studies.figures import Shelf, size_of
from zeeman.studies.figures._ising import configurations, trained
from zeeman.vae import BetaVAE

FRACTIONS = {"random": (0.3, 0.5, 0.7, 0.85, 0.95, 1.05, 1.2), "pca": (0.7, 0.85, 0.95, 1.05, 1.2)}  # of the exact
ALIVE = 0.1  # nats


def rate_from_pca(size, beta, seed, shelf):
    """Nats that the code carries after a training that began at the principal components."""
    settings = {
        "lattice": size.lattice,
        "n": size.n_configurations,
        "epochs": size.n_epochs,
        "beta": beta,
        "seed": seed,
    }

    def make(checkpoint):
        X, _ = configurations(size.lattice, size.n_configurations, seed)
        vae = BetaVAE(
            beta=size.beta(beta), network="table1", n_epochs=size.n_epochs, frame="free", start="pca", random_state=seed
        )
        codes = vae.fit(X, checkpoint=checkpoint).encode(X)
        m, s = codes.mean[0].astype(np.float64), codes.scale[0].astype(np.float64)
        return {"rate": 0.5 * (m**2 + s**2 - 1 - 2 * np.log(s)).sum(axis=1).mean()}

    return float(shelf.get(f"pca-beta{beta:g}-seed{seed}", {**settings, "seed": seed}, make)["rate"])


def measured(size, seed, shelf):
    """Rates of networks around the exact collapse of this seed's data, by start, and the three thresholds."""
    X, _ = configurations(size.lattice, size.n_configurations, seed)
    exact, linear = collapse_beta(X), collapse_threshold(X).beta
    scale = size.beta(1.0)
    rates = {}
    for start, fractions in FRACTIONS.items():
        betas = [round(fraction * exact / scale, 1) for fraction in fractions]  # as the paper counts: for 32 x 32 sites
        for beta in betas:
            rate = trained(size, beta, seed, "free", shelf)["rate"] if start == "random" else None
            rate = rate_from_pca(size, beta, seed, shelf) if rate is None else float(rate)
            rates.setdefault(start, {})[round(beta * scale, 1)] = rate
    return {
        "lattice": size.lattice, "seed": seed, "linear": linear, "exact": exact, "paper_rule": size.lattice**2 / 2,
        "rates": rates, "between": {start: between(found) for start, found in rates.items()},
    }  # fmt: skip


def between(rates):
    """Last beta alive and first one without a code; None at an end that was not seen."""
    alive = [beta for beta, rate in rates.items() if rate > ALIVE]
    dead = [beta for beta, rate in rates.items() if rate <= ALIVE]
    return [max(alive, default=None), min(dead, default=None)]


def said(row):
    """A few lines for people."""
    lines = [
        f"L = {row['lattice']}, seed {row['seed']}: exact {row['exact']:.1f}, 4 lambda_max {row['linear']:.1f}, "
        f"|J| L^2/2 = {row['paper_rule']:.0f}"
    ]
    for start, rates in row["rates"].items():
        last, first = row["between"][start]
        listed = "  ".join(f"{beta:.0f}: {rate:.2f}" for beta, rate in rates.items())
        lines.append(f"    from {start}: alive at {last}, dead at {first}; nats by beta   {listed}")
    return "\n".join(lines)


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
