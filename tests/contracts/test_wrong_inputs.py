"""What a new user gets wrong, through the real command line: one paragraph, an exit code, and nothing written."""

import errno
import json
import os
import pickle
import shutil
import subprocess

import numpy as np
import pytest
import zarr

from zeeman.base import store
from zeeman.cli import main
from zeeman.studies.run import FORMAT

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(30, 3))
ANALYZE = ("analyze", "x.npy", "--out", "run")
SIMULATE = ("simulate", "--size", "4", "--out", "a.zarr", "--temperature")


def save(array, name="x.npy"):
    return lambda folder: np.save(folder / name, array, allow_pickle=True)


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def settings(text, config="run.toml"):
    def make(folder):
        save(TABLE)(folder)
        (folder / config).write_text(text)

    return make


def both(*makes):
    return lambda folder: [make(folder) for make in makes]


def cell(value, row=17, column=1):
    X = TABLE.copy()
    X[row, column] = value
    return save(X)


def torn_zarr(folder):
    zarr.open_group(folder / "x.zarr", mode="w").create_array("X", data=TABLE)
    chunk = folder / "x.zarr" / "X" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:4])


def run_of(**changes):
    """The table, and a run folder whose run.json says what a test wants it to say."""

    def make(folder):
        save(TABLE)(folder)
        (folder / "run").mkdir()
        record = {"format": FORMAT, "job": "analyze", "settings": {"source": "x"}, "data_hash": "", "provenance": {}}
        (folder / "run" / "run.json").write_text(json.dumps({**record, **changes}))

    return make


def strings(folder):
    (folder / "x.csv").write_text("length,width\n" + "1.5,2.5\n" * 20 + "3.5,wide\n" + "2.5,4.5\n")


def text_npy(folder):
    (folder / "x.npy").write_text("1 2 3\n4 5 6\n")


NOTHING = both()
EMBEDDINGS = both(save(TABLE, "a.npy"), save(TABLE[:-3], "b.npy"))

WRONG = [
    # name, what lies in the folder, the command, what must be said
    ("missing file", NOTHING, ("analyze", "x.npy"), ["no file x.npy", "built in are"]),
    ("near miss of a file", save(TABLE, "data.npy"), ("analyze", "dta.npy"), ["did you mean 'data.npy'"]),
    ("near miss of a built-in", NOTHING, ("analyze", "isnig"), ["did you mean 'ising'"]),
    ("missing folder", NOTHING, ("analyze", "no/x.npy"), ["there is no folder no"]),
    ("wrong suffix", write("x.npyy", "a"), ("analyze", "x.npyy"), ["did you mean '.npy'"]),
    ("no suffix", write("x", "a"), ("analyze", "x"), ["no suffix", ".csv"]),
    ("a folder", lambda f: (f / "d").mkdir(), ("analyze", "d"), ["d is a folder"]),
    ("empty file", write("x.npy", ""), ANALYZE, ["x.npy is empty"]),
    ("empty array", save(np.empty((0, 3))), ANALYZE, ["is empty, shape (0, 3)"]),
    ("one row", save(TABLE[:1]), ANALYZE, ["one row only"]),
    ("no variation", save(np.ones((30, 3))), ANALYZE, ["no variation"]),
    ("one axis", save(TABLE[:, 0]), ANALYZE, ["x[:, None]"]),
    ("NaN in row 17", cell(np.nan), ANALYZE, ["row 17, column 1 holds NaN", "remove or impute"]),
    ("infinity in row 3", cell(np.inf, 3), ANALYZE, ["row 3, column 1 holds inf"]),
    ("beyond float32", cell(1e300), ANALYZE, ["beyond float32"]),
    ("complex numbers", save(TABLE * 1j), ANALYZE, ["real and imaginary"]),
    ("strings in a numeric column", strings, ("analyze", "x.csv"), ["column 'width' holds 'wide' at row 20"]),
    ("unknown label column", write("x.csv", "a,b\n1,2\n3,5\n"), ("analyze", "x.csv", "--label-column", "c"),
     ["no column 'c'"]),
    ("text named npy", text_npy, ANALYZE, ["is a text file", "x.csv"]),
    ("pickle named npy", write("x.npy", pickle.dumps([1])), ANALYZE, ["is a pickle"]),
    ("pickle inside npy", save(np.array([{}, 1], dtype=object)), ANALYZE, ["never unpickles"]),
    ("truncated npy", both(save(TABLE), lambda f: os.truncate(f / "x.npy", 200)), ANALYZE, ["truncated"]),
    ("truncated zarr", torn_zarr, ("analyze", "x.zarr"), ["x.zarr", "truncated"]),
    ("a folder named zarr", lambda f: (f / "x.zarr").mkdir(), ("analyze", "x.zarr"), ["no zarr store"]),
    ("noise named h5ad", write("x.h5ad", "hello"), ("analyze", "x.h5ad"), ["AnnData"]),
    ("3-state data, Bernoulli", save(RNG.integers(0, 3, (30, 4))), (*ANALYZE, "--likelihood", "bernoulli"),
     ["support"]),
    ("real data, categorical", save(TABLE), (*ANALYZE, "--likelihood", "categorical"), ["support"]),
    ("unknown likelihood", save(TABLE), (*ANALYZE, "--likelihood", "poisson"), ["poisson"]),
    ("unknown network", save(TABLE), (*ANALYZE, "--network", "table3"), ["table3"]),
    ("network of another shape", save(TABLE), (*ANALYZE, "--network", "table1"), ["table1"]),
    ("unknown scale", save(TABLE), (*ANALYZE, "--scale", "unti"), ["scale must be one of"]),
    ("no epochs", save(TABLE), (*ANALYZE, "--n-epochs", "0"), ["n_epochs must be at least 1"]),
    ("negative beta", save(TABLE), (*ANALYZE, "--beta=-1"), ["beta must be"]),
    ("beta is no number", save(TABLE), (*ANALYZE, "--beta", "strong"), ["--beta", "strong"]),
    ("beta is NaN", save(TABLE), (*ANALYZE, "--beta", "nan"), ["beta must be a finite"]),
    ("half a latent", save(TABLE), (*ANALYZE, "--latent-dim", "2.5"),
     ["--latent-dim must be a whole number, got 2.5"]),
    ("half a latent in TOML", settings("latent_dim = 2.5"), (*ANALYZE, "--config", "run.toml"),
     ["run.toml: --latent-dim must be a whole number"]),
    ("no latents", save(TABLE), (*ANALYZE, "--latent-dim", "0"), ["latent_dim must be at least 1"]),
    ("batch of one", save(TABLE), (*ANALYZE, "--batch-size", "1"), ["batch_size must be at least 2"]),
    ("more states than samples", save(TABLE), (*ANALYZE, "--n-states", "40"), ["n_states"]),
    ("too few to compare trainings", save(TABLE[:20]), (*ANALYZE, "--n-states", "4"), ["30 at least, got 20"]),
    ("a file in the path", both(save(TABLE), save(TABLE, "run.npy")), ("analyze", "x.npy", "--out", "run.npy/a"),
     ["run.npy/a: a part of that path is a file", "choose another --out"]),
    ("negative seed", save(TABLE), (*ANALYZE, "--seed=-1"), ["seed must be non-negative"]),
    ("option of another source", save(TABLE), (*ANALYZE, "--size", "8"), ["size is for built-in", "leave that out"]),
    ("misspelt option", save(TABLE), (*ANALYZE, "--latent-dims", "2"), ["Did you mean --latent-dim"]),
    ("another word for a size", NOTHING, ("simulate", "xy", "--length", "8", "--temperature", "1", "--out", "a.zarr"),
     ["--length. Did you mean --size?", "zeeman simulate --help"]),
    ("a symbol for an option", NOTHING, ("simulate", "potts", "--q=4"), ["--q. Did you mean --n-states?"]),
    ("no such option here", save(TABLE), (*ANALYZE, "--length", "8"), ["Unknown option: --length", "--help"]),
    ("unknown option", save(TABLE), (*ANALYZE, "--colour", "red"), ["--colour", "zeeman analyze --help"]),
    ("option without value", save(TABLE), (*ANALYZE, "--beta"), ["--beta"]),
    ("two data sets", save(TABLE), ("analyze", "x.npy", "y.npy"), ["y.npy"]),
    ("no data", NOTHING, ("analyze",), ["data", "zeeman analyze --help"]),
    ("misspelt verb", NOTHING, ("analize", "ising"), ["analize", "analyze"]),
    ("no settings file", save(TABLE), (*ANALYZE, "--config", "run.toml"), ["no settings file run.toml"]),
    ("--config without file", save(TABLE), (*ANALYZE, "--config"), ["--config needs a file"]),
    ("bad TOML", settings("beta = = 2"), (*ANALYZE, "--config", "run.toml"), ["run.toml is no TOML", "line 1"]),
    ("text without quotes", settings("scale = none"), (*ANALYZE, "--config", "run.toml"), ["text in quotes"]),
    ("wrong type in TOML", settings('latent_dim = "two"'), (*ANALYZE, "--config", "run.toml"), ["two", "run.toml"]),
    ("list in TOML", settings("latent_dim = [1, 2]"), (*ANALYZE, "--config", "run.toml"), ["latent_dim"]),
    ("unknown key in TOML", settings("lattent_dim = 2"), (*ANALYZE, "--config", "run.toml"),
     ["lattent", "latent-dim", "run.toml"]),
    ("table of another verb", settings("[spectrum]\nn_states = 4"), (*ANALYZE, "--config", "run.toml"),
     ["no table [analyze]", "[spectrum]"]),
    ("no run in the folder", both(save(TABLE), lambda f: (f / "run").mkdir(), write("run/mine.txt", "mine")), ANALYZE,
     ["no run.json", "another folder"]),
    ("this very folder", save(TABLE), (*ANALYZE[:-1], "."), [". cannot be the folder of a run", "--out", "as NAME"]),
    ("few distinct rows", save(np.tile(np.eye(4), (20, 1))), ANALYZE, ["only 4 distinct rows of 80", "--n-states 4"]),
    ("run is a file", both(save(TABLE), write("run", "mine")), ANALYZE, ["run exists and is no zeeman run"]),
    ("run of an older version", run_of(format=FORMAT - 1), ANALYZE, ["older zeeman", "--fresh"]),
    ("run of a newer version", run_of(format=FORMAT + 1), ANALYZE, ["newer zeeman", "--out"]),
    ("run with other settings", run_of(settings={"beta": 7.0}), ANALYZE, ["beta: 7.0 -> 1.0", "--fresh"]),
    ("damaged run.json", both(save(TABLE), lambda f: (f / "run").mkdir(), write("run/run.json", '{"set')), ANALYZE,
     ["run.json is not readable as JSON"]),
    ("run.json of something else", both(save(TABLE), lambda f: (f / "run").mkdir(), write("run/run.json", "[1]")),
     ANALYZE, ["does not describe a run"]),
    ("no embedding", NOTHING, ("spectrum",), ["no file given"]),
    ("other sample counts", EMBEDDINGS, ("spectrum", "a.npy", "b.npy"), ["b.npy has 27 rows and a.npy has 30"]),
    ("an embedding twice", EMBEDDINGS, ("spectrum", "a.npy", "a.npy"), ["a.npy is given twice"]),
    ("images as embedding", save(RNG.normal(size=(30, 4, 4))), ("spectrum", "x.npy"), ["(sample, latent)"]),
    ("more clusters than states", EMBEDDINGS, ("spectrum", "a.npy", "--n-clusters", "20"), ["n_clusters"]),
    ("unknown model", NOTHING, ("simulate", "isin", "--temperature", "2", "--out", "a.zarr"), ["did you mean 'ising'"]),
    ("unknown lattice", NOTHING, (*SIMULATE, "2", "--lattice", "kagome"), ["lattice must be", "kagome"]),
    ("unknown method", NOTHING, (*SIMULATE, "2", "--method", "wolf"), ["did you mean 'wolff'"]),
    ("clusters in a field", NOTHING, (*SIMULATE, "2", "--method", "wolff", "--field", "0.5"), ["field"]),
    ("negative temperature", NOTHING, (*SIMULATE, "-2"), ["temperature must be positive", "-2"]),
    ("no temperature", NOTHING, SIMULATE[:-1], ["--temperature"]),
    ("tiny lattice", NOTHING, ("simulate", "--size", "1", "--temperature", "2", "--out", "a.zarr"), ["got 1"]),
    ("option given twice", NOTHING, (*SIMULATE, "2", "--size", "8"), ["--size specified multiple times"]),
    ("store of another suffix", NOTHING, ("simulate", "--temperature", "2", "--out", "a.npz"), ["end in .zarr"]),
    ("unknown figure", NOTHING, ("reproduce", "002-33"), ["figure must be one of", "'002-3'"]),
    ("unknown size", NOTHING, ("reproduce", "002-3", "--size", "papr"), ["did you mean 'paper'"]),
    ("no folder of runs", NOTHING, ("runs",), ["no folder runs"]),
    ("folder without runs", NOTHING, ("runs", "."), ["holds no run"]),
    ("figure of another suffix", run_of(), ("runs", ".", "--figure", "a.gif"), [".png"]),
    ("no finished run", run_of(), ("runs", ".", "--figure", "a.png"), ["no finished run"]),
    ("unknown bench", NOTHING, ("bench", "spin"), ["did you mean 'spins'"]),
]  # fmt: skip


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return stop.value.code, said.out, said.err


def tree(folder):
    return {p.relative_to(folder): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def test_there_are_many_wrong_inputs():
    assert len(WRONG) >= 30
    assert len({case[0] for case in WRONG}) == len(WRONG)


@pytest.mark.parametrize(("make", "arguments", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_input_is_named_and_nothing_is_written(tmp_path, monkeypatch, capsys, make, arguments, says):
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    before = tree(tmp_path)
    code, out, err = command(capsys, *arguments)
    said = " ".join(err.split("\n", 1)[0].split())
    assert code == 2, err
    assert not out
    assert err.count("\n") == 1, "one paragraph"
    assert err.startswith("zeeman: ")
    assert "Traceback" not in err
    assert all(words in said for words in says), said
    assert tree(tmp_path) == before


@pytest.mark.parametrize("verb", ["analyze", "spectrum"])
def test_a_dry_run_refuses_what_the_run_would(tmp_path, monkeypatch, capsys, verb):
    monkeypatch.chdir(tmp_path)
    cell(np.nan)(tmp_path)
    code, _, err = command(capsys, verb, "x.npy", "--dry-run")
    assert (code, "row 17" in err) == (2, True)


def full_disk(folder, monkeypatch):
    """Every file that is written beside its place fails as a full disk makes it fail."""
    replace = os.replace

    def no_space(source, target):
        if "metrics.json" in str(target) or str(target).endswith("run.json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        replace(source, target)

    monkeypatch.setattr(store.os, "replace", no_space)


def read_only(folder, monkeypatch):
    """A folder that cannot be written, also for a superuser, whom permissions do not stop."""
    if os.geteuid() != 0:
        (folder / "locked").mkdir(mode=0o500)
        return

    def refused(path, *args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    (folder / "locked").mkdir()
    monkeypatch.setattr(store.Path, "write_text", refused)


@pytest.mark.parametrize(
    ("strike", "out", "says"),
    [(full_disk, "run", "no space left"), (read_only, "locked/run", "not permitted")],
    ids=["no space left", "read-only folder"],
)
def test_the_machine_failing_is_another_code(tmp_path, monkeypatch, capsys, strike, out, says):
    monkeypatch.chdir(tmp_path)
    save(TABLE)(tmp_path)
    strike(tmp_path, monkeypatch)
    code, _, err = command(capsys, "spectrum", "x.npy", "--n-states", "4", "--out", out, "--quiet")
    assert code == 1, err
    assert says in err
    assert "Traceback" not in err
    assert not any(path.is_file() for path in (tmp_path / out).rglob("*"))


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_of_a_repository_that_zeeman_is_only_installed_in_is_not_told(tmp_path, monkeypatch):
    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "venv").mkdir()
    (tmp_path / ".gitignore").write_text("venv\n")
    shutil.copy(store.__file__, tmp_path / "venv" / "store.py")
    git("init")
    git("add", ".")
    git("commit", "-m", "theirs")
    monkeypatch.setattr(store, "__file__", str(tmp_path / "venv" / "store.py"))
    assert store.provenance()["commit"] is None
    git("add", "--force", "venv")
    git("commit", "-m", "ours")
    assert store.provenance()["commit"]


def test_a_defect_is_a_paragraph_and_debug_shows_its_place(tmp_path, monkeypatch, capsys):
    from zeeman.studies import embeddings

    def broken(*args, **kwargs):
        raise RuntimeError("levels crossed")

    save(TABLE)(tmp_path)
    monkeypatch.setattr(embeddings, "spectrum", broken)
    code, _, err = command(capsys, "spectrum", tmp_path / "x.npy", "--out", tmp_path / "run")
    assert code == 1
    assert "levels crossed" in err
    assert "--debug" in err
    assert "Traceback" not in err
    with pytest.raises(RuntimeError, match="levels crossed"):
        main(["spectrum", str(tmp_path / "x.npy"), "--out", str(tmp_path / "run"), "--debug"])


def test_a_run_that_was_stopped_is_listed_as_such(tmp_path, capsys):
    run_of()(tmp_path)
    (tmp_path / "run" / "metrics.jsonl").write_text('{"training": "model", "step": 3, "loss": [1.0]}\n{"trai')
    code, out, _ = command(capsys, "runs", tmp_path)
    assert code == 0
    assert "stopped, epoch 3" in out
    shutil.rmtree(tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--n-epochs", "0"), "n_epochs must be at least 1, got 0"),
        (("--batch-size", "0"), "batch_size must be at least 2, got 0"),
        (("--device", "tpu"), "device must be 'cpu', 'cuda', 'cuda:1', ... as torch names them, got 'tpu'"),
    ],
)
def test_a_dry_run_refuses_what_the_run_refuses(capsys, tmp_path, options, message):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(100, 4)))
    for dry in (("--dry-run",), ()):
        with pytest.raises(SystemExit) as stop:
            main(["analyze", str(tmp_path / "x.npy"), "--out", str(tmp_path / "run"), "--quiet", *options, *dry])
        assert (stop.value.code, message in capsys.readouterr().err) == (2, True)
        assert not (tmp_path / "run").exists()


def test_too_few_rows_are_told_in_the_words_of_a_file(capsys, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(2, 4)))
    with pytest.raises(SystemExit):
        main(["analyze", str(tmp_path / "x.npy"), "--out", str(tmp_path / "run"), "--quiet"])
    assert "the data have 2 rows, too few for n_states = 10 levels of energy: add rows" in capsys.readouterr().err
