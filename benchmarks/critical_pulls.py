"""Are the errors of critical temperatures right? One row of the table again and again, by independent seeds.

    python benchmarks/critical_pulls.py --repeats 16 --row square --estimators order binder pca latent

A pull is (value - exact) / error; over many repeats its root mean square is 1 if the error says what it claims. Every
repeat is printed as it ends, so a run may be stopped.

    python benchmarks/critical_pulls.py --records docs/results/critical.json docs/results/critical_seed[34].json

reads tables that were recorded instead: pulls over all their rows, and over those of Blume-Capel, how many values are
within 0.2 % of the exact ones, how far the latent estimates lie from those of the known order parameter on the same
samples, and the processor time of PCA in parts of the latent estimate's.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from zeeman import spins
from zeeman.studies import critical_temperature
from zeeman.studies.critical.rows import ROWS
from zeeman.studies.critical.table import ESTIMATORS, Line


def of_records(files: list[Path]) -> None:
    lines = [Line(**one) for file in files for one in json.loads(file.read_text())["lines"]]
    for name in ESTIMATORS:
        rows = [line for line in lines if "value" in line.found[name]]
        pulls = np.array([line.pull(name) for line in rows])
        near = sum(line.off(name) < 0.002 * line.exact for line in rows)
        blume = pulls[[line.key.startswith("blume") for line in rows]]
        print(f"{name:8} {len(rows)} rows, {near} within 0.2 %: rms pull {np.sqrt((pulls**2).mean()):.2f}, "
              f"mean {pulls.mean():+.2f}; Blume-Capel, {len(blume)} rows: mean {blume.mean():+.2f}")  # fmt: skip
    apart = np.array([
        100 * (line.found["latent"]["value"] - line.found["order"]["value"]) / line.exact
        for line in lines if all("value" in line.found[name] for name in ("latent", "order"))
    ])  # fmt: skip
    print(
        f"latent less order parameter, {len(apart)} rows: mean {apart.mean():+.3f} %, farthest {abs(apart).max():.3f} %"
    )
    spent = [line.found["pca"]["cpu_seconds"] / line.found["latent"]["cpu_seconds"] for line in lines]
    print(f"processor time, PCA / latent: median {np.median(spent):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=16)
    parser.add_argument("--row", choices=[key for key, row in ROWS.items() if row.nu is not None], default="square")
    parser.add_argument("--lengths", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--estimators", nargs="+", default=["binder", "pca", "latent"])
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--records", type=Path, nargs="+", help="read these tables, and sample nothing")
    given = parser.parse_args()
    if given.records:
        of_records(given.records)
        return
    row = ROWS[given.row]
    exact = float(spins.exact.critical_temperature(row.make(8)))
    pulls: dict[str, list[float]] = {name: [] for name in given.estimators}
    for seed in range(given.first_seed, given.first_seed + given.repeats):
        # off the exact value by a random part of the range, as a pilot would be
        away = 0.3 * (np.random.default_rng(seed).random() - 0.5)
        centre = exact * (1 + away * max(given.lengths) ** (-1 / row.nu))
        data = [
            spins.sample(
                row.make(length),
                [centre * (1 + x * length ** (-1 / row.nu)) for x in np.linspace(-row.reach, row.reach, 7)],
                given.samples, seed=1000 * seed + length,
            )
            for length in given.lengths
        ]  # fmt: skip
        for name in given.estimators:
            start = time.process_time()
            found = critical_temperature(data, name, seed=seed)
            pulls[name].append(found.pull(exact))
            print(f"{seed:4} {name:12} {found!s:14} pull {pulls[name][-1]:+.2f}  {time.process_time() - start:.1f} s")
    for name, row in pulls.items():
        values = np.array(row)
        print(f"{name:12} {len(row)} repeats: rms pull {np.sqrt((values**2).mean()):.2f}, mean {values.mean():+.2f}")


if __name__ == "__main__":
    main()
