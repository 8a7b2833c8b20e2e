"""The demo, `zeeman analyze ising`: how long it takes, and what other seeds find.

    python benchmarks/demo.py [--json FILE] [--seeds 1 2 3 ...]

The demo is timed from the command to the report in a process and a folder of its own; threads and engines are left to
the command, as they are to whoever types it, and what numba has compiled before stays. With --seeds it is not timed:
every seed makes data and a training of its own (without the ensemble), and is added to those in FILE.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from zeeman.base.store import read_json, write_json
from zeeman.studies import speeds

FOUND = ("order_parameter_correlation", "axis_crosstalk", "n_clusters", "cluster_ari", "elbo")


def demo(*options: str) -> dict[str, Any]:
    """Run the demo with these options; seconds, and its metrics."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "ising"
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "zeeman", "analyze", "ising", "--out", out, *options], check=True)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "metrics": json.loads((out / "metrics.json").read_text())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--seeds", type=int, nargs="+", default=[], help="measure what these find")
    options = parser.parse_args()
    found = read_json(options.json) if options.json and options.json.is_file() else {}
    if not options.seeds:
        found |= {**demo(), **speeds.occasion()}
    for seed in options.seeds:
        metrics = demo("--seed", str(seed), "--replicas", "1")["metrics"]
        one = {name: metrics[name] for name in FOUND} | {"pca": {name: metrics["pca"][name] for name in FOUND[:4]}}
        found.setdefault("seeds", {})[str(seed)] = one
        print(seed, json.dumps(one))
        if options.json:
            write_json(options.json, found)
    if options.json:
        write_json(options.json, found)
    else:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
