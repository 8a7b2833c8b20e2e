"""`zeeman simulate`: every model through one verb, refusals before anything is written, cards that tell the truth."""

import dataclasses
import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from zeeman import spins
from zeeman.cli import main
from zeeman.data import generate_to, is_two_state, open_dataset, store_header, write_dataset
from zeeman.studies import cards
from zeeman.studies.simulations import MODELS, Simulation, build, bytes_each, temperatures


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


def simulate(capsys, tmp_path, *arguments):
    return run(capsys, "simulate", *arguments, "--out", tmp_path / "x.zarr", "--quiet")


NUMBERS = {"ising": {"second_coupling": -0.3}, "potts": {"n_states": 4}, "blume-capel": {"crystal_field": 0.5}}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_simulated_with_a_card(capsys, tmp_path, name):
    numbers = NUMBERS.get(name, {})
    options = [word for key, value in numbers.items() for word in (f"--{key.replace('_', '-')}", value)]
    code, out, _ = simulate(
        capsys, tmp_path, name, "--temperature", "1.0:2.0:2", "--size", 4, "--n-samples", 80, *options, "--json"
    )
    told = json.loads(out)
    assert code == 0
    assert [row["temperature"] for row in told["readings"]] == [1.0, 2.0]
    assert numbers.items() <= told["numbers"].items()
    ds = open_dataset(tmp_path / "x.zarr")
    model = spins.model_of(ds)
    assert isinstance(model, getattr(spins, MODELS[name].class_name))
    np.testing.assert_allclose(model.energy(ds.configuration.values), ds.energy.values, atol=1e-12)
    card = json.loads((tmp_path / "x.card.json").read_text())
    assert card["certified"]
    assert card["content_hash"] == told["content_hash"] == cards.hash_of(tmp_path / "x.zarr")
    assert (card["readings"][0]["exact"] is None) == (name in ("xy", "heisenberg"))
    assert {"energy identity", "order identity"} <= set(card["checks"])
    text = (tmp_path / "x.card.md").read_text()
    for word in (cards.HAMILTONIANS[card["model"]], "autocorrelation time", "effective", "reached at every", "seed: 0"):
        assert word in text
    assert all(row["energy_text"] in text for row in card["readings"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("potts", "--temperature", 1, "--field", 0.1), "potts has no --field: its numbers are --n-states, --coupling"),
        (("xy", "--temperature", 1, "--n-states", 3), "xy has no --n-states"),
        (("ising", "--temperature", 1, "--crystal-field", 1), "ising has no --crystal-field"),
        (("blume-capel", "--temperature", 1, "--second-coupling", 1), "no --second-coupling"),
        (("clock", "--temperature", 1, "--method", "over-relaxation"), "over-relaxation"),
        (("ising", "--temperature", 1, "--method", "wolf"), "did you mean 'wolff'"),
        (("ising", "--temperature", 1, "--field", 0.5, "--method", "wolff"), "zero field"),
        (("ising",), "no temperature given"),
        (("ising", "--temperature", "warm"), "neither a number nor a range"),
        (("ising", "--temperature", "3:2:4"), "LOW < HIGH"),
        (("ising", "--temperature", "2:3"), "neither a number nor a range"),
        (("ising", "--temperature", 2, "--temperature", "1:2:3"), "given twice"),
        (("ising", "--temperature", "inf"), "finite"),
        (("ising", "--temperature", 2, "--size", "quick"), "a size of the suite"),
        (("ising", "--temperature", 2, "--size", 1), "at least 2"),
        (("potts", "--temperature", 2, "--n-states", 1), "at least 2"),
        (("potts", "--temperature", 2, "--n-states", 2.5), "whole number"),
        (("suite", "--n-samples", 5), "suite has no --n-samples"),
        (("suite", "--size", 16), "smoke, quick, full"),
        (("suite", "--size", "huge"), "huge"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, complaint = simulate(capsys, tmp_path, *arguments)
    assert code == 2
    assert message in complaint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("xy", "--size", 1000, "--n-samples", 10**9), "of disk"),
        (("ising", "--size", 100_000, "--n-samples", 2), "of memory"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_what_does_not_fit_is_refused_at_once(capsys, tmp_path, arguments, message, dry):
    code, _, complaint = simulate(capsys, tmp_path, *arguments, "--temperature", 2, *dry)
    assert code == 2
    assert message in complaint
    assert "take" in complaint
    assert not list(tmp_path.iterdir())


def test_several_temperatures_behind_one_option_are_told_how(capsys, tmp_path):
    code, _, complaint = simulate(capsys, tmp_path, "ising", "--temperature", 1, 2, 3)
    assert (code, "--temperature 1 --temperature 2" in complaint) == (2, True)


def test_another_number_of_samples_names_the_option(capsys, tmp_path):
    arguments = ("potts", "--temperature", 1.0, "--size", 4)
    simulate(capsys, tmp_path, *arguments, "--n-samples", 12)
    code, _, complaint = simulate(capsys, tmp_path, *arguments, "--n-samples", 20)
    assert (code, "12 samples in all, and 20 are asked" in complaint, "--n-samples" in complaint) == (2, True, True)


def test_a_store_without_a_name_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, complaint = run(capsys, "simulate", "potts", "--temperature", 1)
    assert (code, "--out potts.zarr" in complaint) == (2, True)


def test_ranges_hold_both_ends_and_round_numbers():
    assert temperatures(["0.5", 0.7, "1:1.3:4"]) == (0.5, 0.7, 1.0, 1.1, 1.2, 1.3)


def test_settings_come_from_a_file(capsys, tmp_path):
    (tmp_path / "run.toml").write_text('[simulate]\nmodel = "clock"\ntemperature = [0.5, "1:2:3"]\nn-states = 5\n')
    code, out, _ = run(
        capsys, "simulate", "--config", tmp_path / "run.toml", "--out", tmp_path / "c.zarr", "--size", 4, "--dry-run",
        "--json",
    )  # fmt: skip
    planned = json.loads(out)
    assert code == 0
    assert planned["temperatures"] == [0.5, 1.0, 1.5, 2.0]
    assert "n_states=5" in planned["model"]


@pytest.mark.parametrize(("name", "each"), [("ising", 8), ("potts", 64), ("xy", 256), ("heisenberg", 768)])
def test_the_megabytes_of_a_dry_run_are_those_of_the_arrays(tmp_path, name, each):
    job = Simulation(name, (2.0,), tmp_path / "x.zarr", size=8, n_samples=40)
    assert bytes_each(job.spins) == each + 16
    assert job.plan()["megabytes"] == round(40 * (each + 16) / 1e6, 2)
    assert not list(tmp_path.iterdir())
    import zarr

    job.run(progress=False)
    stored = zarr.open_group(job.out, mode="r")
    assert sum(stored[name].nbytes for name in ("configuration", "energy", "temperature")) == 40 * (each + 16)


def test_states_that_happen_to_be_two_are_not_packed(tmp_path):
    """At low temperature the first piece of Blume-Capel holds -1 and +1 only; a later one may hold 0."""
    model = spins.BlumeCapel(spins.square(4), crystal_field=-5.0)
    generate_to(tmp_path / "x.zarr", model, 0.5, 30)
    assert (np.abs(open_dataset(tmp_path / "x.zarr").configuration) == 1).all()
    assert not is_two_state(model)
    field = next(f for f in store_header(tmp_path / "x.zarr")["fields"] if f["name"] == "configuration")
    assert field["coding"] == "plain"


def test_a_finished_store_keeps_its_card_and_a_lost_card_is_made_again(tmp_path):
    job = Simulation("potts", (1.0,), tmp_path / "x.zarr", size=4, n_samples=60)
    card = job.run(progress=False)
    text, numbers = cards.paths(job.out)
    before = text.stat().st_mtime_ns
    assert job.run(progress=False) == card
    assert text.stat().st_mtime_ns == before
    numbers.unlink()
    assert job.run(progress=False).content_hash == card.content_hash
    assert numbers.exists()


def test_a_store_made_with_other_settings_is_refused(tmp_path):
    Simulation("potts", (1.0,), tmp_path / "x.zarr", size=4, n_samples=60).run(progress=False)
    with pytest.raises(ValueError, match="made with other settings"):
        Simulation("potts", (1.1,), tmp_path / "x.zarr", size=4, n_samples=60).run(progress=False)


def test_a_killed_simulation_continues_to_the_samples_it_would_have_had(tmp_path):
    out, n = tmp_path / "x.zarr", 60_000
    options = f"xy --lattice chain --size 16 --temperature 1.0 --n-samples {n} --quiet --out {out}"
    process = subprocess.Popen([sys.executable, "-m", "zeeman", "simulate", *options.split()], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if out.exists() and store_header(out)["n_committed"] > 0:
            process.kill()
        time.sleep(0.002)
    process.communicate(timeout=60)
    there = store_header(out)["n_committed"]
    assert 0 < there < n
    assert not any(path.exists() for path in cards.paths(out))
    card = Simulation("xy", (1.0,), out, "chain", 16, n).run(progress=False)
    whole = Simulation("xy", (1.0,), tmp_path / "whole.zarr", "chain", 16, n).run(progress=False)
    assert card.content_hash == whole.content_hash
    assert card.certified
    assert card.readings[0].exact_source == "transfer matrix of the ring"


def damaged(tmp_path, change):
    """The card of a store whose samples were changed after they were drawn."""
    Simulation("potts", (1.0, 2.0), tmp_path / "good.zarr", size=4, n_samples=3000).run(progress=False)
    ds = change(open_dataset(tmp_path / "good.zarr"))
    write_dataset(ds.assign_attrs({k: v for k, v in ds.attrs.items() if k != "zeeman_store"}), tmp_path / "bad.zarr")
    assert cards.make(tmp_path / "good.zarr").certified
    return cards.make(tmp_path / "bad.zarr")


def test_energies_of_other_configurations_are_not_certified(tmp_path):
    bad = damaged(tmp_path, lambda ds: ds.assign(energy=ds.energy.roll(sample=1)))
    assert bad.energy_difference > 0.1
    assert not bad.certified


def test_samples_of_another_temperature_are_not_certified(tmp_path):
    """Two percent off in T, which no look at the pictures would show."""

    def warmer(ds):
        stated = ds.temperature * 1.03
        return ds.assign_coords(temperature=stated).assign_attrs(temperatures=[1.03, 2.06])

    bad = damaged(tmp_path, warmer)
    assert bad.checks["energy"]["probability"] < cards.LEAST
    assert bad.checks["energy identity"]["probability"] < cards.LEAST
    assert not bad.certified


def test_chains_that_did_not_come_to_equilibrium_are_not_certified(tmp_path):
    def stuck(ds):
        piece = {**ds.attrs["pieces"][0], "equilibrated": [0, 1]}
        return ds.assign_attrs(pieces=[piece, *ds.attrs["pieces"][1:]])

    bad = damaged(tmp_path, stuck)
    assert not bad.certified
    assert "NOT reached at T = 1;" in cards.markdown(bad)


def test_numbers_of_a_model_are_those_of_its_constructor():
    for name, kind in MODELS.items():
        fields = {field.name for field in dataclasses.fields(getattr(spins, kind.class_name))}
        assert set(kind.numbers) == fields - {"lattice"}
        assert build(name, "square", 4, {}).lattice.n_sites == 16


def test_a_card_of_an_older_format_is_written_anew(tmp_path):
    run = Simulation("potts", (1.0,), tmp_path / "x.zarr", size=4, n_samples=60)
    run.run(progress=False)
    text, numbers = cards.paths(tmp_path / "x.zarr")
    mine = text.read_text()
    text.write_text("what an older version said")
    run.run(progress=False)
    assert text.read_text() == "what an older version said"
    known = json.loads(numbers.read_text())
    numbers.write_text(json.dumps({key: value for key, value in known.items() if key != "format"}))
    run.run(progress=False)
    assert text.read_text() == mine


@pytest.mark.parametrize("writer", ["write_text", "write_json"])
def test_a_kill_between_the_two_files_of_a_card_leaves_none_stale(tmp_path, monkeypatch, writer):
    run = Simulation("potts", (1.0,), tmp_path / "x.zarr", size=4, n_samples=60)
    run.run(progress=False)
    text, numbers = cards.paths(run.out)
    mine = text.read_text()
    text.write_text("what an older version said")
    numbers.write_text(numbers.read_text().replace(f'"format": {cards.FORMAT}', '"format": 0'))

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cards.making, writer, killed)
        with pytest.raises(KeyboardInterrupt):
            run.run(progress=False)
    run.run(progress=False)
    assert text.read_text() == mine


def test_a_temperature_that_was_asked_twice_is_one_reading(tmp_path):
    model = spins.Potts(spins.square(4), n_states=3)
    generate_to(tmp_path / "x.zarr", model, [2.0, 1.0, 2.0], 60)
    card = cards.make(tmp_path / "x.zarr")
    assert [(one.temperature, one.n_samples) for one in card.readings] == [(2.0, 120), (1.0, 60)]
    each = store_header(tmp_path / "x.zarr")["attrs"]["pieces"][0]["effective_sample_size"]
    assert card.readings[0].effective_sample_size == each[0] + each[2]
    assert card.checks["energy"]["n"] == 2


@pytest.mark.parametrize(
    ("temperature", "n", "why"),
    [(1.0, 12, "too few samples to check: no temperature has 30 effective samples"), (1e-9, 60, "nothing to check")],
)
def test_a_store_that_cannot_be_checked_is_told_from_one_that_fails(capsys, tmp_path, temperature, n, why):
    arguments = ("potts", "--temperature", temperature, "--size", 4, "--n-samples", n)
    code, out, _ = simulate(capsys, tmp_path, *arguments)
    assert code == 0
    assert f"not checked; {why}" in out
    assert "NOT certified" not in out
    card = json.loads((tmp_path / "x.card.json").read_text())
    assert (card["verdict"], card["certified"], card["checks"]) == ("not checked", False, {})
    assert f"- verdict: not checked; {why}" in (tmp_path / "x.card.md").read_text()


def test_the_limit_stands_beside_the_verdict(capsys, tmp_path):
    _, out, _ = simulate(capsys, tmp_path, "potts", "--temperature", 1.0, "--size", 4, "--n-samples", 60)
    assert re.search(r"^certified; energy: p = .*; alarm below 1e-05$", out, re.M)
