"""The certified suite: every model, certified, loadable in one line, and gone on with after it was stopped."""

import json

import pytest

from zeeman import spins
from zeeman.cli import main
from zeeman.data import open_suite
from zeeman.spins.statistics import autocorrelation_time
from zeeman.studies import suite as suites
from zeeman.studies.simulations import Simulation
from zeeman.vae import BetaVAE


def suite(capsys, out, *options):
    with pytest.raises(SystemExit) as stop:
        main(["simulate", "suite", "--size", "smoke", "--out", str(out), "--quiet", *options])
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite") / "smoke"
    index = suites.SuiteRun(folder, "smoke").run(progress=False)
    return folder, index


def test_every_entry_is_certified(smoke):
    _, index = smoke
    assert index["finished"]
    assert [entry["name"] for entry in index["entries"] if not entry["certified"]] == []
    assert {entry["model"] for entry in index["entries"]} == {
        "Ising", "Potts", "BlumeCapel", "Clock", "XY", "Heisenberg",
    }  # fmt: skip
    assert {entry["lattice"].split("(")[0] for entry in index["entries"]} == {
        "square", "triangular", "honeycomb", "cubic",
    }  # fmt: skip
    assert len({entry["content_hash"] for entry in index["entries"]}) == len(index["entries"])


def test_small_lattices_are_held_against_exact_energies(smoke):
    """All of them but angles and vectors, of which no sum over states exists."""
    folder, index = smoke
    for entry in index["entries"]:
        known = [row["exact"] is not None for row in entry["readings"]]
        assert all(known) != (entry["model"] in ("XY", "Heisenberg"))
        assert {"energy identity", "order identity"} <= set(entry["checks"])
    text = (folder / "README.md").read_text()
    assert all(entry["name"] in text and (folder / entry["card"]).is_file() for entry in index["entries"])


def test_temperatures_lie_around_the_transitions(smoke):
    _, index = smoke
    entries = {entry["name"]: [row["temperature"] for row in entry["readings"]] for entry in index["entries"]}
    critical = float(spins.exact.critical_temperature(spins.Potts(spins.square(4), 4)))
    assert critical in entries["potts4-square-L4"]
    lower, upper = map(float, spins.exact.transitions(spins.Clock(spins.square(4), 6)))
    around = entries["clock6-square-L4"]
    assert min(around) < lower < sorted(around)[2] < upper < max(around)


@pytest.mark.parametrize(
    "name", ["potts3-square-L4", "blume-capel-1-square-L4", "xy-square-L4", "heisenberg-square-L4"]
)
def test_one_line_trains_on_an_entry(smoke, name):
    vae = BetaVAE(n_epochs=1, random_state=0).fit(open_suite(smoke[0])[name])
    alone = BetaVAE(n_epochs=1, random_state=0).fit(open_suite(smoke[0])[name].configuration)
    expected = {"potts": "categorical", "blume": "categorical", "xy": "von_mises", "heisenberg": "von_mises_fisher"}
    assert vae.likelihood_ == alone.likelihood_ == expected[name.split("-")[0].rstrip("3")]


def test_samples_are_as_independent_as_they_say(smoke):
    """Read in the order of the store, energies of one temperature hardly remember one another."""
    folder, index = smoke
    for entry in index["entries"]:
        ds = open_suite(folder)[entry["name"]]
        t = entry["readings"][0]["temperature"]
        assert autocorrelation_time(ds.energy.values[ds.temperature.values == t]) < 1.5


def test_a_name_that_is_near_one_is_suggested(smoke):
    with pytest.raises(KeyError, match="did you mean 'xy-square-L4'"):
        open_suite(smoke[0])["xy-square-L8"]
    with pytest.raises(FileNotFoundError, match="zeeman simulate suite"):
        open_suite(smoke[0] / "nothing")


def test_a_stopped_suite_continues_to_the_same_samples(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "RECIPES", (*suites.RECIPES[:2], *suites.RECIPES[6:7]))
    whole = json.loads(suite(capsys, tmp_path / "whole", "--json")[1])
    run, calls = Simulation.run, []

    def stopped(job, **options):
        calls.append(job.out.stem)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(job, **options)

    monkeypatch.setattr(Simulation, "run", stopped)
    assert suite(capsys, tmp_path / "cut")[0] == 130
    index = json.loads((tmp_path / "cut" / "index.json").read_text())
    assert (index["finished"], [entry["name"] for entry in index["entries"]]) == (False, ["ising-square-L4"])
    monkeypatch.setattr(Simulation, "run", run)
    first = tmp_path / "cut" / "ising-square-L4.card.md"
    before = first.stat().st_mtime_ns
    code, out, _ = suite(capsys, tmp_path / "cut", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["finished"]
    assert first.stat().st_mtime_ns == before
    assert [e["content_hash"] for e in found["entries"]] == [e["content_hash"] for e in whole["entries"]]


def test_a_finished_suite_is_only_read(tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "RECIPES", suites.RECIPES[:1])
    run = suites.SuiteRun(tmp_path / "suite", "smoke")
    index = run.run(progress=False)
    files = [tmp_path / "suite" / name for name in ("index.json", "README.md")]
    before = [file.stat().st_mtime_ns for file in files]
    assert run.run(progress=False) == index
    assert [file.stat().st_mtime_ns for file in files] == before
    page = files[1].read_text()
    files[1].write_text("cut")
    run.run(progress=False)
    assert files[1].read_text() == page


def test_another_seed_or_size_is_refused_in_the_same_folder(capsys, smoke):
    code, _, complaint = suite(capsys, smoke[0], "--seed", "1")
    assert code == 2
    assert "made with" in complaint


def test_a_folder_of_other_things_is_left_alone(capsys, tmp_path):
    (tmp_path / "thesis.txt").write_text("results")
    code, _, complaint = suite(capsys, tmp_path)
    assert (code, "no suite and not empty" in complaint) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_entry_that_is_not_certified_is_exit_3(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "RECIPES", suites.RECIPES[:1])
    monkeypatch.setattr(suites.cards.record, "LEAST", 2.0)  # no check can be as probable
    code, out, _ = suite(capsys, tmp_path / "bad")
    assert code == 3
    assert "NOT certified" in out


def test_a_dry_run_counts_what_the_suite_will_hold(capsys, tmp_path):
    code, out, _ = suite(capsys, tmp_path / "none", "--dry-run", "--json")
    planned = json.loads(out)
    assert code == 0
    assert planned["entries"] == len(suites.RECIPES) == len(planned["megabytes_each"])
    assert planned["megabytes"] == pytest.approx(sum(planned["megabytes_each"].values()), abs=0.2)
    assert not list(tmp_path.iterdir())
