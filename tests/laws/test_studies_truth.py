"""The truth job: right samplers pass, wrong ones do not, and a killed job goes on."""

import json

import numpy as np
import pytest
from scipy.stats import chi2

from zeeman import spins
from zeeman.spins import Ising, Potts, square
from zeeman.studies import truth as room
from zeeman.studies.truth import Case, job

CASES = {
    "ising": (Case(Ising(square(4)), 2.4), Case(Ising(square(3), 1.0, 0.2), 2.0)),
    "potts": (Case(Potts(square(3), 3), 0.9),),
}


@pytest.fixture
def few(monkeypatch):
    """Three cases by the updates that are quickest to compile."""
    monkeypatch.setattr(job, "FAMILIES", CASES)
    monkeypatch.setattr(Case, "methods", ("metropolis", "heat-bath"))


def too_hot(model, temperature, *rest, **options):
    """Metropolis at a temperature 1 % off."""
    return spins.sample(model, 1.01 * temperature, *rest, **options)


def sure_of_itself(model, temperature, *rest, **options):
    """The right distribution, but claims twice as many independent samples as there are."""
    data = spins.sample(model, temperature, *rest, **options)
    x = data.isel(sample=np.repeat(np.arange(data.sizes["sample"] // 2), 2))
    return x.assign_attrs(effective_sample_size=[2.0 * len(x.sample)])


def test_right_samplers_pass_and_a_hot_one_does_not(few, tmp_path):
    right = room.truth((), "quick", tmp_path, n_samples=30_000, progress=False)
    assert right.holds
    assert len(right.runs) == 6
    assert right.dof >= 6 * 6
    assert max(np.nanmax(np.abs(run.z)) for run in right.runs) < 5
    wrong = room.truth((), "quick", tmp_path, n_samples=30_000, progress=False, sampler=too_hot)
    assert not wrong.holds
    assert wrong.p < 1e-12
    assert "alarm below 0.001; smallest of one run" in room.table(right)
    assert room.table(wrong).endswith("alarm below 0.00017: SOMETHING IS WRONG")
    stored = json.loads((tmp_path / "quick" / "truth.json").read_text())
    assert stored["holds"] is False
    assert "**something is wrong**" in room.markdown(stored)


def test_errors_that_are_too_small_are_caught(few, tmp_path):
    found = [
        room.truth(("ising",), "quick", tmp_path, n_samples=4000, seed=seed, progress=False, sampler=sure_of_itself)
        for seed in range(4)
    ]
    assert sum(one.chi2 for one in found) > 2.5 * sum(one.dof for one in found)


def test_too_few_samples_are_no_alarm(few, tmp_path):
    found = room.truth(("potts",), "smoke", tmp_path, n_samples=100, progress=False)
    assert (found.dof, found.holds, found.verdict) == (0, False, "too few samples to check")
    assert room.table(found).endswith(": too few samples to check")
    recorded = json.loads((tmp_path / "smoke" / "truth.json").read_text())
    assert "too few samples to check" in room.markdown(recorded)


def test_directions_that_few_samples_carry_are_no_alarm():
    """Of 1000 samples of this case a few carry the smallest axis of the covariance: one seed in twenty was an alarm."""
    case = Case(Potts(square(3), 4), 0.910239)
    reference = case.oracle(case.model, case.temperature)
    data = spins.sample(case.model, case.temperature, 200_000, "swendsen-wang", seed=3)
    found = [
        room.compare(case, reference, data.isel(sample=slice(k, k + 1000)).assign_attrs(effective_sample_size=[1000.0]))
        for k in range(0, 200_000, 1000)
    ]
    p = [chi2.sf(one.chi2, one.dof) for one in found]
    assert min(one.dof for one in found) >= 1
    assert min(p) > 1e-5
    assert np.mean(np.array(p) < 0.01) < 0.05


def killed_in_run(number):
    """Calls so far, and a sampler that notes them and is interrupted in one."""
    calls = []

    def counted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == number:
            raise KeyboardInterrupt
        return spins.sample(*arguments, **options)

    return calls, counted


def test_a_finished_run_is_not_repeated(few, tmp_path):
    calls, counted = killed_in_run(4)
    with pytest.raises(KeyboardInterrupt):
        room.truth(("ising",), "quick", tmp_path, n_samples=500, progress=False, sampler=counted)
    room.truth(("ising",), "quick", tmp_path, n_samples=500, progress=False, sampler=counted)
    assert len(calls) == 5  # three, the killed one, and that again
    room.truth(("ising",), "quick", tmp_path, n_samples=500, progress=False, sampler=counted)
    assert len(calls) == 5


def test_a_stopped_fresh_truth_goes_on_when_it_is_repeated(few, tmp_path):
    calls, counted = killed_in_run(3)

    def fresh():
        return room.truth(("potts",), "quick", tmp_path, n_samples=500, fresh=True, progress=False, sampler=counted)

    fresh()
    assert len(calls) == 2
    with pytest.raises(KeyboardInterrupt):
        fresh()  # finished: begins anew, and is killed in its first run
    fresh()
    fresh()
    assert len(calls) == 2 + 1 + 2 + 2
    (tmp_path / "quick" / "thesis.txt").write_text("years")
    with pytest.raises(ValueError, match="did not write"):
        fresh()
    assert (tmp_path / "quick" / "thesis.txt").read_text() == "years"


def test_dependent_means_are_counted_once():
    """On 2 x 2 sites |m| has three values, so |m|, m^2 and m^4 are two independent means."""
    case = Case(Ising(square(2)), 3.0)
    data = spins.sample(case.model, case.temperature, 5000, "metropolis", seed=2, n_threads=1)
    reference = case.oracle(case.model, case.temperature)
    compared = room.compare(case, reference, data)
    assert compared.dof < 7
    assert compared.chi2 < 40


def test_every_lattice_of_every_model_is_compared():
    for cases in room.FAMILIES.values():
        lattices = {case.model.lattice.name for case in cases}
        assert lattices == {"chain", "square", "triangular", "honeycomb", "cubic"}
        assert all({"auto", "metropolis"} < {*case.methods} for case in cases)


def test_bad_words_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'potts'"):
        room.truth(("pots",), "smoke", tmp_path)
    with pytest.raises(ValueError, match="size must be one of"):
        room.truth((), "large", tmp_path)
    assert not list(tmp_path.iterdir())
    assert room.plan(("xy",), "smoke", tmp_path)["runs"] == {"xy": 14}
