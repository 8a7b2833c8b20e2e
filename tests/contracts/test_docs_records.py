"""Pages made from records: no size of a claim is hidden, no rounding changes a verdict, no bar is met unrecorded."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def extension(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS / "_ext"), *sys.path])
    return importlib.import_module


def test_every_claim_shows_every_size_it_was_judged_at(extension):
    pages = extension("reproduced")
    for one in pages.written():
        results = pages.recorded(one)
        rows = pages._table(results)[2:]
        assert len(rows) == len(one.claims)
        for row in rows:
            cells = re.split(r"(?<!\\) \| ", row)
            assert len(cells) == 2 + len(results)
            assert row.count("{.verdict ") == len(results)


def test_counts_are_those_of_one_size_each(extension):
    pages = extension("reproduced")
    for line in pages.counts().splitlines()[2:4]:
        size, figures, claims, *verdicts = [cell.strip(" *") for cell in line.strip("|").split("|")]
        files = sorted((DOCS / "results" / size).glob("0*/verdicts.json"))
        judged = [claim["verdict"] for file in files for claim in json.loads(file.read_text())["claims"]]
        assert (int(figures), int(claims)) == (len(files), len(judged))
        assert [int(n) for n in verdicts[:3]] == [judged.count(v) for v in ("holds", "in part", "does not hold")]


def test_rounding_leaves_values_on_their_side_of_a_limit(extension):
    pages = extension("reproduced")
    claim = pages.Claim("a", "", "", "", "", low=0.5)
    assert pages._spread([0.4997, 0.2354], within=claim) == "0.3675 ± 0.1869, 0.2354 to 0.4997 (2 seeds)"
    assert pages._spread([0.61, 0.81], within=claim) == "0.71 ± 0.14, 0.61 to 0.81 (2 seeds)"
    assert pages._spread([0.4999], within=claim) == "0.4999 (1 seed)"


def test_a_bar_without_a_record_is_not_met(extension, tmp_path, monkeypatch):
    bars = extension("bars")
    monkeypatch.setattr(bars, "RESULTS", tmp_path)
    assert bars.table().count("[no record]") == len(bars.BARS)
    made = {"date": "2026-01-01", "processor": "one", "machine": {"commit": "abc"}}
    for seconds, word in ((241.0, "[not met]"), (239.0, "[met]")):
        (tmp_path / "demo.json").write_text(json.dumps({"seconds": seconds, **made}))
        (row,) = [line for line in bars.table().splitlines() if "demo.py" in line]
        assert word in row
        assert "2026-01-01, one, commit abc" in row
