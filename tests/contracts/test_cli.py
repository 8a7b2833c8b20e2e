"""The command line: help, examples, exit codes, errors of one paragraph."""

import json
import subprocess
import sys

import numpy as np
import pytest

from zeeman.cli import main


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


@pytest.mark.parametrize("verb", ["analyze", "simulate", "spectrum"])
def test_help_has_examples(capsys, verb):
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert out.count(f"zeeman {verb} ") >= 3


def test_help_loads_nothing_heavy():
    heavy = "torch sklearn matplotlib xarray numba scipy pandas"
    code = (
        "import sys\nfrom zeeman.cli import main\n"
        "try:\n    main(['analyze', '--help'])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {heavy.split()!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_analyze_prints_the_numbers_beside_pca(capsys, tmp_path):
    out = tmp_path / "run"
    arguments = ("analyze", "classes", "--n-samples", 300, "--n-epochs", 5, "--replicas", 2, "--n-states", 4)
    code, text, _ = run(capsys, *arguments, "--out", out, "--quiet")
    assert code == 0
    assert "PCA" in text
    assert "2 trainings, agreement in order" in text
    assert str(out / "report.html") in text
    code, text, _ = run(capsys, *arguments, "--out", out, "--quiet", "--json")
    assert json.loads(text)["source"] == "classes"


def test_spectrum_prints_the_numbers_of_one_file(capsys, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "z.npy", np.concatenate([rng.normal(-2, 0.5, (80, 2)), rng.normal(2, 0.5, (80, 2))]))
    out = tmp_path / "run"
    code, text, _ = run(capsys, "spectrum", tmp_path / "z.npy", "--n-states", 4, "--out", out, "--quiet")
    assert code == 0
    assert "embedding" in text
    assert (out / "metrics.json").exists()


def test_simulate_writes_a_store_and_continues(capsys, tmp_path):
    out = tmp_path / "ising.zarr"
    arguments = ("simulate", "ising", "--temperature", 2.0, "--temperature", 3.0, "--size", 8, "--n-samples", 70)
    assert run(capsys, *arguments, "--out", out, "--quiet")[0] == 0
    code, text, _ = run(capsys, *arguments, "--out", out, "--quiet")
    assert (code, text.split()[0]) == (0, "140")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("analyze", "nothing.npy"), "nothing.npy"),
        (("analyze", "isnig"), "ising"),
        (("analyze", "classes", "--likelihood", "poisson"), "poisson"),
        (("spectrum",), "no file given"),
        (("spectrum", "nothing.npy"), "nothing.npy"),
        (("simulate", "isin", "--temperature", "2", "--out", "a.zarr"), "did you mean 'ising'"),
        (("simulate", "ising", "--temperature", "-2", "--out", "a.zarr"), "temperature"),
        (("simulate", "ising", "--temperature", "2", "--out", "a.npz"), ".zarr"),
        (("simulate", "ising", "--temperature", "2", "--lattice", "kagome", "--out", "a.zarr"), "kagome"),
    ],
)
def test_errors_are_one_paragraph_and_exit_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_nan_names_its_row(capsys, tmp_path):
    X = np.ones((30, 2))
    X[17, 1] = np.nan
    np.save(tmp_path / "x.npy", X)
    code, _, err = run(capsys, "analyze", tmp_path / "x.npy", "--out", tmp_path / "run")
    assert code == 2
    assert "row 17" in err
    assert not (tmp_path / "run").exists()
