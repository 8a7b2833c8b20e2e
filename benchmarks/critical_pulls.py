"""Are the errors of critical temperatures right? One row of the table again and again, by independent seeds.

    python benchmarks/critical_pulls.py --repeats 16 --row square --estimators order binder pca latent

A pull is (value - exact) / error; over many repeats its root mean square is 1 if the error says what it claims. Every
repeat is printed as it ends, so a run may be stopped.
"""

import argparse
import time

import numpy as np

from zeeman import spins
from zeeman.studies import critical_temperature
from zeeman.studies.critical.rows import ROWS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=16)
    parser.add_argument("--row", choices=[key for key, row in ROWS.items() if row.nu is not None], default="square")
    parser.add_argument("--lengths", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--estimators", nargs="+", default=["binder", "pca", "latent"])
    parser.add_argument("--first-seed", type=int, default=0)
    given = parser.parse_args()
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
