"""The command line: help, examples, exit codes, errors of one paragraph."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from zeeman.cli import main, words
from zeeman.cli.app import app


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


VERBS = ("analyze", "spectrum", "simulate", "reproduce", "critical", "explore", "runs", "bench", "truth")


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_two_examples_and_the_exit_codes(capsys, verb):
    code, out, _ = run(capsys, verb, "--help")
    examples = out.split("Examples:")[1].split("Exit codes:")[0].strip().splitlines()
    assert code == 0
    assert len(examples) == 2
    assert all(line.strip().startswith(f"zeeman {verb}") for line in examples)
    assert "130" in out.split("Exit codes:")[1]


@pytest.mark.parametrize("verb", VERBS)
def test_examples_are_understood(monkeypatch, verb):
    """Every option in an example exists (parsing binds it to the verb's function)."""
    for line in words.EXAMPLES[verb].splitlines()[1:]:
        arguments = [settings_of(word) for word in line.split()[1:]]
        _, bound, ignored = app.parse_args(arguments, print_error=False, exit_on_error=False)
        assert not ignored
        assert bound.args or bound.kwargs or len(arguments) == 1


def test_a_settings_file_belongs_to_one_call(capsys, tmp_path):
    (tmp_path / "run.toml").write_text("size = 'huge'\n")
    code, _, complaint = run(capsys, "reproduce", "002-3", "--config", tmp_path / "run.toml", "--out", tmp_path / "out")
    assert code == 2
    assert "huge" in complaint
    _, bound, _ = app.parse_args(["reproduce", "002-3"], print_error=False, exit_on_error=False)
    assert "size" not in bound.arguments


def settings_of(word):
    return "--n-replicas" if word == "--replicas" else word


def test_the_list_of_verbs(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(f" {verb} " in out for verb in VERBS)
    assert "--install-completion" in out


def test_help_loads_nothing_heavy():
    heavy = "torch sklearn matplotlib xarray numba scipy pandas numpy"
    code = (
        "import sys\nfrom zeeman.cli import main\n"
        f"for verb in {VERBS!r}:\n"
        "    try:\n        main([verb, '--help'])\n    except SystemExit:\n        pass\n"
        f"print([m for m in {heavy.split()!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "5000"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
    ],
)
def test_threads_wait_briefly_unless_told_how(capsys, monkeypatch, given, kept):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "")  # to be put back
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    run(capsys, "--help")
    assert {name: os.environ[name] for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT") if name in os.environ} == kept


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_verbs_and_options(tmp_path, shell):
    script = app.generate_completion(prog_name="zeeman", shell=shell)
    assert all(verb in script for verb in VERBS)
    assert "label-column" in script


TOML = """
[analyze]
data = "classes"
n_samples = 200
n-epochs = 3
replicas = 2
scale = "none"

[spectrum]
files = ["z.npy"]
n_states = 4
"""


def test_settings_come_from_a_file_and_are_overruled(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(TOML)
    np.save(tmp_path / "z.npy", np.random.default_rng(0).normal(size=(50, 2)))
    arguments = ("--config", "run.toml", "--n-epochs", 5, "--dry-run", "--json", "--quiet")
    code, out, _ = run(capsys, "analyze", *arguments)
    planned = json.loads(out)
    assert code == 0
    assert {"n_epochs": 5, "n_replicas": 2, "n_samples": 200, "scale": "none"}.items() <= planned["settings"].items()
    assert planned["likelihood"].startswith("gaussian")
    code, out, _ = run(capsys, "spectrum", "--config=run.toml", "--dry-run", "--json")
    assert json.loads(out)["settings"]["n_states"] == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.toml", "z.npy"]


def test_lines_at_the_top_are_for_every_verb_and_its_own_table_overrules_them(capsys, tmp_path):
    both = (
        "latent-dim = 3\nreplicas = 4\n[analyze]\ndata = 'classes'\nn_samples = 90\nn-replicas = 1\n[truth]\nseed = 2\n"
    )
    (tmp_path / "run.toml").write_text(both)
    arguments = ("--config", tmp_path / "run.toml", "--dry-run", "--json", "--quiet")
    code, out, _ = run(capsys, "analyze", *arguments)
    assert code == 0
    assert {"latent_dim": 3, "n_replicas": 1, "n_samples": 90}.items() <= json.loads(out)["settings"].items()
    code, _, complaint = run(capsys, "truth", *arguments)
    assert code == 2
    assert "latent" in complaint


@pytest.mark.parametrize(("verb", "name", "there"), [("critical", "rows", "xy"), ("truth", "what", "clock")])
def test_what_has_no_option_is_a_list_in_a_settings_file(capsys, tmp_path, verb, name, there):
    (tmp_path / "run.toml").write_text(f"{name} = ['{there}']\n")
    code, out, _ = run(capsys, verb, "--config", tmp_path / "run.toml", "--dry-run", "--json")
    assert code == 0
    assert list(json.loads(out)["rows" if verb == "critical" else "runs"]) == [there]


def test_json_is_json_where_there_is_no_number():
    told = words.as_json({"values": np.array([np.nan, 1.0]), "low": -np.inf, "path": Path("a")})
    assert json.loads(told, parse_constant=pytest.fail) == {"values": [None, 1.0], "low": None, "path": "a"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "classes", "--n-samples", "100", "--n-epochs", "1", "--replicas", "1"),
        ("simulate", "--temperature", "2", "--size", "8", "--out", "a.zarr"),
        ("reproduce", "002-3", "--size", "smoke"),
        ("bench", "spins"),
        ("truth", "potts", "--size", "smoke"),
    ],
)
def test_a_dry_run_writes_nothing(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, *arguments, "--dry-run")
    assert code == 0
    assert out.startswith("dry run: nothing is written")
    assert "would " in out
    assert not list(tmp_path.iterdir())


def test_a_dry_run_tells_what_is_there(capsys, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 3)))
    command = ("analyze", tmp_path / "x.npy", "--n-epochs", 1, "--replicas", 1, "--n-states", 3)
    said = []
    for _ in range(2):
        said.append(run(capsys, *command, "--out", tmp_path / "run", "--dry-run", "--quiet")[1])
        run(capsys, *command, "--out", tmp_path / "run", "--quiet", "--svg")
    assert "begin a run" in said[0]
    assert "about 0 min" in said[0]
    assert "finish it again" in said[1]
    assert "trained in" in said[1]
    suffixes = {path.suffix for path in (tmp_path / "run" / "figures").iterdir()}
    assert suffixes == {".png", ".svg", ".csv"}
    code, out, _ = run(capsys, "runs", tmp_path, "--json")
    (one,) = json.loads(out)
    assert (code, one["status"], one["epochs"]) == (0, "finished", {"model": 1})


def test_ctrl_c_leaves_a_run_that_the_same_command_continues(tmp_path):
    out = tmp_path / "run"
    options = "--n-samples 160 --n-epochs 30 --n-states 3 --replicas 1 --n-threads 1"
    command = [sys.executable, "-m", "zeeman", "analyze", "classes", *options.split(), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "metrics.jsonl").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; the same command continues" in stderr
    assert "Traceback" not in stderr
    assert not stdout
    assert (out / "checkpoint").is_dir()
    assert not (out / "report.html").exists()
    before = [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert 0 < len(before) < 30
    subprocess.run(command, check=True, capture_output=True)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 31))
    assert [row["loss"] for row in rows[: len(before)]] == before
    assert (out / "report.html").exists()


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m zeeman analyze --help | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


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
        (("critical", "xy", "--seed", "-1", "--dry-run"), "seed"),
        (("truth", "xy", "--seed", "-1", "--dry-run"), "seed"),
        (("reproduce", "002-3", "--jobs", "0", "--dry-run"), "jobs"),
        (("runs", ".", "--figure", "x/all.png", "--csv", "x/../x/all.csv"), "give --csv another name"),
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
