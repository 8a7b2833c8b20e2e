"""How long the demo takes, from the command to the report: `zeeman analyze ising` in a process and a folder of its own.

    python benchmarks/demo.py [--json FILE]

Threads and engines are left to the command, as they are to whoever types it; what numba has compiled before stays.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from zeeman.base.store import write_json
from zeeman.studies import speeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "ising"
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "zeeman", "analyze", "ising", "--out", out], check=True)
        seconds = time.perf_counter() - start
        metrics = json.loads((out / "metrics.json").read_text())
    found = {"seconds": seconds, "metrics": metrics, **speeds.occasion()}
    print(json.dumps(found, indent=2))
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
