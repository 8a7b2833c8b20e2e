"""The main job: a run folder with everything promised in it, continued, refused, and read back."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import zeeman as zm
from zeeman.studies import Options, analyze
from zeeman.studies.analysis import analyze as analyze_again
from zeeman.studies.figures.afresh import begin_afresh
from zeeman.studies.plans import plan_analysis
from zeeman.studies.prepared import prepare
from zeeman.studies.run import RunFolder, goes_on, held, standing

SMALL = Options(size=8, n_samples=900, n_epochs=4, seed=3, n_replicas=2, n_states=8)


@pytest.fixture(scope="module")
def ising(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "ising"
    return folder, analyze("ising", folder, SMALL, progress=False)


@pytest.fixture(scope="module")
def metrics(ising):
    return json.loads((ising[0] / "metrics.json").read_text())


def test_the_verb_is_one_function():
    assert analyze is analyze_again


def test_a_run_leaves_what_the_contract_names(ising):
    folder, _ = ising
    names = {path.name for path in folder.iterdir()}
    folders, files = {"data", "model", "ensemble", "lift", "figures"}, {"metrics.json", "metrics.jsonl", "report.html"}
    assert names == folders | files | {"run.json"}
    assert all(
        (folder / "figures" / f"{name}.png").stat().st_size > 5_000 for name in ("latent", "spectrum", "training")
    )


def test_metrics_hold_what_the_contract_names(metrics):
    for space in (metrics, metrics["pca"]):
        assert space["order_parameter_correlation"].keys() == {"magnetization", "staggered_magnetization"}
        assert 0 <= space["axis_crosstalk"] <= 1
        assert space["energies"][0] == 0
        assert isinstance(space["n_clusters"], int)
        assert -1 <= space["cluster_ari"] <= 1
    for energy in (metrics["generated_energy"], metrics["data_energy"]):
        assert energy.keys() == {"FM", "AFM", "PM"}
    assert metrics["data_energy"]["FM"] == pytest.approx(metrics["data_energy"]["AFM"], abs=0.05)
    assert metrics["seconds"]["total"] == pytest.approx(sum(v for k, v in metrics["seconds"].items() if k != "total"))
    assert isinstance(metrics["elbo"], float)


def test_the_log_of_a_run_is_its_history(ising):
    folder, _ = ising
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for name in ("model", "ensemble"):
        history = zm.BetaVAE.load(folder / name).history_
        mine = [row for row in rows if row["training"] == name]
        assert [row["step"] for row in mine] == history["epoch"].tolist()
        np.testing.assert_allclose([row["loss"] for row in mine], history["loss"], rtol=1e-12)
        np.testing.assert_allclose([row["validation_elbo"] for row in mine], history["validation_elbo"], rtol=1e-12)


def test_every_figure_has_its_numbers_beside_it(ising):
    folder, _ = ising
    pictures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert pictures == {path.stem for path in (folder / "figures").glob("*.csv")}


def test_energies_of_the_data_are_those_of_the_sampler(ising):
    folder, analysis = ising
    ds = zm.data.open_dataset(folder / "data")
    for phase in ("FM", "AFM", "PM"):
        ours = np.sort(analysis.real[phase].energies)
        np.testing.assert_allclose(ours, np.sort(ds.energy.values[ds.phase.values == phase]), atol=1e-6)


def test_numbers_can_be_made_again_from_what_the_run_stores(ising, metrics):
    folder, analysis = ising
    vae = zm.BetaVAE.load(folder / "model")
    X = zm.data.open_dataset(folder / "data").configuration.values
    Z = vae.transform(X)
    np.testing.assert_allclose(Z, analysis.Z, atol=1e-6)
    r = np.abs(np.corrcoef(Z.T, zm.spins.magnetization(X))[:2, 2])
    assert metrics["order_parameter_correlation"]["magnetization"] == pytest.approx(r.max(), abs=1e-6)
    spec = zm.LatentSpectrum(SMALL.n_states, random_state=SMALL.seed).fit(Z.astype(np.float64))
    np.testing.assert_allclose(metrics["energies"], spec.energies_, rtol=1e-6, atol=1e-9)


def test_small_networks_stand_beside_the_large_one(ising, metrics):
    folder, analysis = ising
    assert zm.BetaVAE.load(folder / "ensemble").n_replicas == 1
    assert list(analysis.retrainings.names) == ["Table I", "small 1"]
    assert analysis.codes.n_replicas == 1
    assert metrics["lift"]["n_replicas"] == len(metrics["degeneracy"]["elbo"]) == 2
    assert metrics["elbo"] == metrics["degeneracy"]["elbo"][0]
    assert metrics["spread"]["order_parameter_correlation"].keys() == metrics["order_parameter_correlation"].keys()
    # a frame of its own: the ensemble does not repeat the seeds of the large network
    assert len({tuple(np.round(Z[0], 6)) for Z in analysis.retrainings.spaces}) == 2


def test_a_run_killed_in_its_ensemble_continues_and_trains_nothing_twice(ising, tmp_path):
    folder, analysis = ising
    shutil.copytree(folder, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "ensemble")
    (tmp_path / "run" / "report.html").unlink()
    stamp = (tmp_path / "run" / "model").stat().st_mtime_ns
    again = analyze("ising", tmp_path / "run", SMALL, progress=False)
    assert (tmp_path / "run" / "model").stat().st_mtime_ns == stamp
    np.testing.assert_allclose(again.energies, analysis.energies, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(again.retrainings.spaces[1], analysis.retrainings.spaces[1], atol=1e-5)
    assert (tmp_path / "run" / "report.html").exists()


def test_a_run_with_other_settings_is_refused(ising):
    folder, _ = ising
    with pytest.raises(ValueError, match=r"beta: .* -> 7\.0.*--fresh"):
        analyze("ising", folder, replace(SMALL, beta=7.0), progress=False)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"no run\.json"):
        analyze("classes", tmp_path, Options(n_samples=200, n_epochs=1), progress=False, fresh=True)
    assert (tmp_path / "precious.txt").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(likelihood="bernoulli"), "support"),
        (Options(scale="sometimes"), "scale must be"),
        (Options(n_epochs=0), "n_epochs"),
        (Options(latent_dim=0), "latent_dim"),
        (Options(n_clusters=11), "n_clusters"),
        (Options(network="table1"), "table1"),
        (Options(n_replicas=0), "n_replicas must be at least 1"),
    ],
)
def test_options_that_cannot_be_used_leave_nothing_behind(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        analyze("digits", tmp_path / "run", options, progress=False)
    assert not (tmp_path / "run").exists()


def test_a_table_from_a_file_is_standardised_and_says_so(tmp_path):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(-2, 1, (150, 6)), rng.normal(2, 1, (150, 6))]) * [1, 10, 100, 1, 1, 1000]
    np.save(tmp_path / "table.npy", X)
    analysis = analyze(tmp_path / "table.npy", tmp_path / "run", Options(n_epochs=40, n_replicas=1), progress=False)
    assert any("standardised" in note for note in analysis.notes)
    stored = zm.data.open_dataset(tmp_path / "run" / "data").X.values
    np.testing.assert_allclose(stored.std(axis=0), 1, atol=1e-5)
    assert analysis.n_clusters == 2


def test_counts_stored_as_reals_stay_counts(tmp_path):
    rng = np.random.default_rng(4)
    X = rng.poisson(rng.gamma(1.0, 3.0, (200, 20)))
    np.save(tmp_path / "counts.npy", X.astype(np.float32))
    job = prepare(tmp_path / "counts.npy", Options())
    assert job.options.likelihood == "negative-binomial"
    assert job.options.scale == "none"
    np.testing.assert_array_equal(job.data.X, X)
    few = Options(n_epochs=1, n_states=3, n_replicas=1)
    analysis = analyze(tmp_path / "counts.npy", tmp_path / "run", few, progress=False)
    (note,) = [note for note in analysis.notes if note.startswith("likelihood")]
    assert note.startswith("likelihood negative-binomial: X holds counts")
    asked = prepare(tmp_path / "counts.npy", Options(scale="standardize"))
    assert asked.likelihood == "gaussian: for standardised columns, as asked"
    np.testing.assert_allclose(asked.data.X.std(axis=0), 1, rtol=1e-4)
    with pytest.raises(ValueError, match="'standardize' is for the Gaussian likelihood, not for 'negative-binomial'"):
        prepare(tmp_path / "counts.npy", Options(scale="standardize", likelihood="negative-binomial"))
    np.save(tmp_path / "grey.npy", rng.integers(0, 256, (200, 20), dtype=np.uint8))
    job = prepare(tmp_path / "grey.npy", Options())
    assert job.likelihood.startswith("gaussian: X holds integers 0..255")
    assert any("standardised" in note for note in job.notes)


def test_a_killed_run_continues_to_the_same_numbers(tmp_path):
    arguments = [
        "analyze",
        "classes",
        "--n-samples",
        "600",
        "--n-epochs",
        "12",
        "--n-states",
        "4",
        "--replicas=1",
        "--n-threads",
        "1",
        "--quiet",
    ]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = [sys.executable, "-m", "zeeman", *arguments, "--out"]
    process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not any((killed / "checkpoint").glob("*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "report.html").exists()
    for folder in (killed, whole):
        subprocess.run([*command, str(folder)], check=True, stdout=subprocess.DEVNULL)
    numbers = [json.loads((folder / "metrics.json").read_text()) for folder in (killed, whole)]
    np.testing.assert_allclose(numbers[0]["energies"], numbers[1]["energies"], rtol=1e-4)
    assert numbers[0]["elbo"] == pytest.approx(numbers[1]["elbo"], rel=1e-5)


def test_fresh_with_a_refused_option_keeps_the_old_run(tmp_path):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "x.npy", rng.standard_normal((80, 3)))
    run, few = tmp_path / "run", Options(n_epochs=1, n_states=3, n_replicas=1)
    analyze(tmp_path / "x.npy", run, few, progress=False)
    before = {path: path.read_bytes() for path in (run / "metrics.json", run / "run.json")}
    with pytest.raises(ValueError, match="support"):
        analyze(tmp_path / "x.npy", run, Options(likelihood="bernoulli"), progress=False, fresh=True)
    assert {path: path.read_bytes() for path in before} == before
    analyze(tmp_path / "x.npy", run, few, progress=False)  # it is still the run of these settings
    analyze(tmp_path / "x.npy", run, Options(n_epochs=2, n_states=3, n_replicas=1), progress=False, fresh=True)
    assert json.loads((run / "run.json").read_text())["settings"]["n_epochs"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"x.npy", "run"}


def test_one_column_and_one_latent_are_enough(tmp_path):
    rng = np.random.default_rng(2)
    np.save(tmp_path / "x.npy", np.concatenate([rng.normal(-3, 1, 60), rng.normal(3, 1, 60)])[:, None])
    two = Options(n_epochs=1, n_states=3, n_replicas=2)
    assert analyze(tmp_path / "x.npy", tmp_path / "r", two, progress=False).latent_dim == 1
    ising = Options(size=8, n_samples=60, n_epochs=1, n_states=3, latent_dim=1, n_replicas=2)
    metrics = analyze("ising", tmp_path / "s", ising, progress=False).metrics
    assert len(metrics["order_parameter_correlation"]) == 2


def test_a_file_named_like_a_built_in_is_a_file(tmp_path):
    np.save(tmp_path / "digits.npy", np.random.default_rng(3).normal(5, 3, (80, 4)))
    one = Options(n_epochs=1, n_states=3, n_replicas=1)
    analysis = analyze(tmp_path / "digits.npy", tmp_path / "r", one, progress=False)
    assert not {"lift", "spread", "degeneracy", "energies_spread"} & analysis.metrics.keys()
    assert any("standardised" in note for note in analysis.notes)


def test_a_stopped_fresh_run_continues_when_it_is_repeated(tmp_path, monkeypatch):
    rng = np.random.default_rng(5)
    np.save(tmp_path / "x.npy", rng.standard_normal((80, 3)))
    run, one = tmp_path / "run", Options(n_epochs=1, n_states=3, n_replicas=1)
    analyze(tmp_path / "x.npy", run, one, progress=False)
    with monkeypatch.context() as patched:
        patched.setattr("zeeman.vae.BetaVAE.save", stop)
        with pytest.raises(KeyboardInterrupt):
            analyze(tmp_path / "x.npy", run, one, progress=False, fresh=True)
    mark = run / "checkpoint" / "mark"
    assert mark.parent.is_dir()  # trained, and stopped before it was a model
    mark.write_text("of the stopped run")
    started = json.loads((run / "run.json").read_text())["started"]
    seen = []
    monkeypatch.setattr("zeeman.studies.analysis.shutil.rmtree", lambda path, **_: seen.append(mark.exists()))
    analyze(tmp_path / "x.npy", run, one, progress=False, fresh=True)
    assert any(seen)  # the checkpoint was still there when the training ended
    assert json.loads((run / "run.json").read_text())["started"] == started
    assert (run / "metrics.json").exists()
    # finished: the next one replaces it, as does one with other settings
    assert not goes_on(run, json.loads((run / "run.json").read_text()))


def stop(*_):
    raise KeyboardInterrupt


def test_fresh_replaces_a_stopped_run_of_other_settings_or_of_another_begin(tmp_path):
    first = RunFolder(tmp_path / "run", {"beta": 1.0}, "x", fresh=True)
    assert RunFolder(tmp_path / "run", {"beta": 1.0}, "x", fresh=True).continued
    assert not RunFolder(tmp_path / "run", {"beta": 2.0}, "x", fresh=True).continued
    plain = RunFolder(tmp_path / "plain", {"beta": 1.0}, "x")
    assert not first.continued
    assert not plain.continued
    assert not RunFolder(tmp_path / "plain", {"beta": 1.0}, "x", fresh=True).continued


def test_a_run_that_is_moved_aside_is_whole_or_waste(tmp_path, monkeypatch):
    def made(name, beta):
        folder = RunFolder(tmp_path / name, {"beta": beta}, "x")
        (tmp_path / name / "model").mkdir()
        return folder

    made("run", 2.0)
    made(".run.before", 1.0)  # killed while it was removed: the run that took its place is trained
    assert not RunFolder(tmp_path / "run", {"beta": 3.0}, "x", fresh=True).continued
    assert standing(tmp_path / "run") == tmp_path / ".run.before"  # nothing better is there yet
    with pytest.raises(ValueError, match=r"beta: 2\.0 -> 1\.0"):
        RunFolder(tmp_path / "run", {"beta": 1.0}, "x")
    new = RunFolder(tmp_path / "run", {"beta": 4.0}, "x", fresh=True)
    monkeypatch.setattr("zeeman.studies.run.shutil.rmtree", lambda *_, **__: None)  # killed as it begins
    with new.unless_refused():
        pass
    assert standing(tmp_path / "run") == tmp_path / "run"


def test_a_plan_knows_the_run_that_was_moved_aside(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((80, 3)))
    few = Options(n_epochs=1, n_states=3, n_replicas=1)
    plan = plan_analysis(tmp_path / "x.npy", tmp_path / "run", few, progress=False)
    RunFolder(tmp_path / ".run.before", plan["settings"], "another")
    with pytest.raises(ValueError, match="other settings"):
        plan_analysis(tmp_path / "x.npy", tmp_path / "run", few, progress=False)


def test_what_a_kill_left_half_written_is_nothing_of_others(tmp_path):
    for folder in ("run", "figures"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / ".run.01234567.part.json").touch()
    assert not RunFolder(tmp_path / "run", {}, "x").continued
    begin_afresh(tmp_path / "figures", {}, ())
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"fresh.json"}


@pytest.mark.parametrize("shared", [False, True])
def test_a_refusal_is_told_and_takes_away_the_folders_that_were_made(tmp_path, shared):
    def refused(out):
        with held(out), RunFolder(out, {}, "x").unless_refused():
            if shared:
                (tmp_path / "a" / "mine").touch()
            raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        refused(tmp_path / "a" / "b" / "c")
    assert {path.name for path in tmp_path.rglob("*")} == ({"a", "mine"} if shared else set())


def test_one_process_at_a_time_is_at_work_in_a_folder(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((80, 3)))
    run, few = tmp_path / "run", Options(n_epochs=1, n_states=3, n_replicas=1)
    lock = "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.lockf(file, fcntl.LOCK_EX); print('held'); input()"
    command = [sys.executable, "-uc", lock, str(tmp_path / ".run.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline()
        with pytest.raises(OSError, match=r"another process is at work in .*run: .*--out"):
            analyze(tmp_path / "x.npy", run, few, progress=False, fresh=True)
        other.kill()
    assert (tmp_path / ".run.lock").exists()  # of a dead process
    analyze(tmp_path / "x.npy", run, few, progress=False)
    assert {path.name for path in tmp_path.iterdir()} == {"x.npy", "run"}


def test_the_commit_is_that_of_the_training(tmp_path, monkeypatch):
    def continued_by(commit):
        monkeypatch.setattr("zeeman.studies.run.provenance", lambda: {"commit": commit})
        with RunFolder(tmp_path / "run", {}, "x").stage("train"):
            pass
        return json.loads((tmp_path / "run" / "run.json").read_text())["provenance"]["commit"]

    assert [continued_by("a"), continued_by("b")] == ["a", "b"]  # not trained yet
    (tmp_path / "run" / "model").mkdir()
    assert continued_by("c") == "b"


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_a_folder_that_cannot_be_replaced_is_refused(out):
    with pytest.raises(ValueError, match=r"cannot be the folder of a run.*--out"):
        RunFolder(out, {}, "x")


def test_what_cannot_be_read_or_stored_is_refused_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr("zeeman.vae.BetaVAE.fit", lambda *_, **__: pytest.fail("trained"))
    np.save(tmp_path / "few.npy", np.tile(np.eye(4), (20, 1)))
    with pytest.raises(ValueError, match=r"only 4 distinct rows of 80.*n_states = 10.*--n-states 4"):
        analyze(tmp_path / "few.npy", tmp_path / "run", Options(), progress=False)
    ds = xr.Dataset({"X": (("sample", "x"), np.random.default_rng(0).normal(size=(40, 3)))})
    ds["__when"] = ("sample", np.arange(40))
    ds.to_zarr(tmp_path / "x.zarr", consolidated=False)
    with pytest.raises(ValueError, match="rename it"):
        analyze(tmp_path / "x.zarr", tmp_path / "run", Options(), progress=False)
    assert not (tmp_path / "run").exists()


def test_a_stopped_run_may_ask_for_other_levels_of_the_same_models(tmp_path):
    one = {"n_states": 10, "n_clusters": None, "beta": 1.0}
    RunFolder(tmp_path / "run", one, "x")
    assert RunFolder(tmp_path / "run", {**one, "n_states": 4, "n_clusters": 2}, "x").continued
    assert RunFolder(tmp_path / "run", {**one, "n_states": 4}, "x").continued
    with pytest.raises(ValueError, match="beta"):
        RunFolder(tmp_path / "run", {**one, "beta": 2.0}, "x")
    (tmp_path / "run" / "metrics.json").write_text("{}")
    with pytest.raises(ValueError, match="n_states: 10 -> 4"):
        RunFolder(tmp_path / "run", {**one, "n_states": 4}, "x")
