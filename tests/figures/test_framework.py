"""The machinery under the papers' figures: verdicts, the shelf of finished pieces, sizes, the command."""

import json

import numpy as np
import pytest

from zeeman.base.progress import Progress
from zeeman.studies import papers, reproduce
from zeeman.studies.figures import (
    FIGURES,
    Claim,
    PaperFigure,
    Shelf,
    figure,
    judge,
    read_numbers,
    size_of,
    write_numbers,
)


def claim(**interval):
    return Claim("c", "002, Fig. 9", "says", "measure", "why", **interval)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [([0.1, 0.2], "holds"), ([0.1, 0.9], "in part"), ([0.8, 0.9], "does not hold"), ([0.1, np.nan], "not measured"),
     ([0.5], "holds"), ([], "not measured")],
)  # fmt: skip
def test_a_claim_is_judged_seed_by_seed_with_its_ends_included(values, verdict):
    (judged,) = judge([claim(high=0.5)], {"claim.c": np.array(values)})
    assert judged.verdict == verdict


def test_baseline_and_null_stand_beside_and_survive_json():
    one = Claim("c", "s", "says", "m", "why", low=0.0, baseline="PCA", null="permuted")
    (judged,) = judge([one], {"claim.c": [1.0], "baseline.c": [2.0, 3.0], "null.c": 0.5})
    plain = json.loads(json.dumps(judged.to_dict(), allow_nan=False))
    assert plain["baseline_values"] == [2.0, 3.0]
    assert plain["null_values"] == [0.5]
    assert plain["high"] is None
    assert plain["interval"] == "≥ 0"


def test_a_figure_that_does_not_measure_its_claim_is_an_error():
    with pytest.raises(KeyError, match="claim"):
        judge([claim(low=0)], {})


def test_a_finished_piece_is_not_made_again_and_settings_decide_which_it_is(tmp_path):
    made = []

    def make(checkpoint):
        checkpoint.mkdir()
        made.append(checkpoint)
        return {"x": np.arange(3), "name": np.array(["FM", "PM"])}

    first = Shelf(tmp_path, progress=False).get("piece", {"beta": 1.0}, make)
    again = Shelf(tmp_path, progress=False)
    second = again.get("piece", {"beta": 1.0}, make)
    assert len(made) == 1
    assert not made[0].exists()
    assert again.making == 0
    assert again.seconds > 0
    assert sorted(first) == sorted(second) == ["name", "x"]
    np.testing.assert_array_equal(second["name"], ["FM", "PM"])
    again.get("piece", {"beta": 2.0}, make)
    assert len(made) == 2


def test_jobs_that_were_finished_before_say_nothing_about_the_time_left(tmp_path, monkeypatch):
    told = []

    class Told(Progress):
        def advance(self, steps=1, detail=""):
            told.append(("made", steps, detail))

        def resume(self, steps):
            told.append(("found", steps))

    monkeypatch.setattr("zeeman.studies.figures.shelf.Progress", Told)
    for jobs in (["b"], ["a", "b", "c"]):
        shelf = Shelf(tmp_path, progress=False)
        for job in shelf.each(jobs, "jobs", [{"a": 5.0, "b": 1.0, "c": 2.0}[job] for job in jobs]):
            shelf.get("piece", {"job": job}, lambda _: {"x": np.arange(3)})
    assert told == [("made", 1.0, "b"), ("made", 5.0, "a"), ("found", 1.0), ("made", 2.0, "c")]


def test_a_piece_that_fails_leaves_nothing_but_its_checkpoint(tmp_path):
    def make(checkpoint):
        checkpoint.mkdir()
        (checkpoint / "epoch").write_text("3")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Shelf(tmp_path, progress=False).get("piece", {}, make)
    assert not list(tmp_path.glob("pieces/*"))
    assert [file.name for file in tmp_path.glob("running/*/*")] == ["epoch"]


def test_numbers_hold_no_objects_and_a_truncated_file_is_named(tmp_path):
    with pytest.raises(TypeError, match="objects"):
        write_numbers(tmp_path / "n.npz", {"x": np.array([{}])})
    assert not list(tmp_path.iterdir())
    write_numbers(tmp_path / "n.npz", {"x": np.arange(1000)})
    whole = (tmp_path / "n.npz").read_bytes()
    (tmp_path / "n.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"n\.npz"):
        read_numbers(tmp_path / "n.npz")


def test_beta_scales_by_the_area():
    assert size_of("paper").beta(100.0) == 100.0
    assert size_of("quick").beta(100.0) == 25.0
    assert size_of("quick", 3, 7).seeds == (7, 8, 9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"jobs": 0}, "jobs"), ({"figures": ["002-9"]}, "002-9"), ({"size": "huge"}, "huge"), ({"n_seeds": 0}, "seeds"),
     ({"seed": -1}, "seed")],
)  # fmt: skip
def test_bad_arguments_are_named_before_anything_is_written(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        reproduce(**{"size": "smoke", **arguments}, out=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_every_figure_says_what_it_shows_and_judges_by_distinct_claims():
    for key in FIGURES:
        one = figure(key)
        assert one.title
        assert one.caption
        names = [c.name for c in one.claims]
        assert names
        assert len(names) == len(set(names))
        for c in one.claims:
            assert c.says
            assert c.why
            assert np.isfinite(c.low) or np.isfinite(c.high)


def test_a_figure_is_written_whole_and_its_seconds_count_the_pieces(tmp_path, monkeypatch):
    def compute(size, shelf):
        piece = shelf.get("p", {"seed": size.seeds[0]}, lambda checkpoint: {"x": np.arange(4.0)})
        return {"x": piece["x"], "claim.c": piece["x"][:1]}

    def draw(numbers):
        from zeeman.plots.style import panels

        drawing, (ax,) = panels(1, 1, 40)
        ax.plot(numbers["x"])
        return drawing

    made_up = PaperFigure("000-1", "title", "caption", (claim(high=0.5),), compute, draw)
    monkeypatch.setattr(papers, "figure", lambda key: made_up)
    (done,) = reproduce(["000-1"], "smoke", tmp_path, progress=False)
    folder = tmp_path / "smoke" / "000-1"
    written = {"figure.png", "figure.pdf", "figure.csv", "numbers.npz", "verdicts.json"}
    assert {file.name for file in folder.iterdir()} == written
    assert done.verdicts[0].verdict == "holds"
    assert done.seconds > 0
    record = json.loads((folder / "verdicts.json").read_text())
    assert record["claims"][0]["verdict"] == "holds"
    np.testing.assert_array_equal(read_numbers(folder / "numbers.npz")["x"], np.arange(4.0))


def test_figures_side_by_side_come_back_as_asked_and_share_their_trainings(tmp_path, capfd):
    keys = ["002-6", "002-4", "002-3"]
    done = reproduce(keys, "smoke", tmp_path, jobs=2)
    assert [one.figure.key for one in done] == keys
    assert all((one.folder / "figure.png").is_file() for one in done)
    # beta = 100 in the free frame is read by both, trained once
    assert len(list((tmp_path / "smoke" / "pieces").glob("ising-beta100-free-seed0-*"))) == 1
    assert "\x1b" not in capfd.readouterr().err  # lines, no bars
    again = reproduce(keys, "smoke", tmp_path, jobs=1, progress=False)
    for one, two in zip(done, again, strict=True):
        np.testing.assert_equal(dict(one.numbers), dict(two.numbers))  # from the same pieces


def test_a_fresh_reproduction_leaves_the_folders_of_others_alone(tmp_path):
    mine = tmp_path / "smoke" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years")
    with pytest.raises(ValueError, match=r"holds what this command did not write \(thesis.txt\)"):
        reproduce(["000-2"], "smoke", tmp_path, fresh=True, progress=False)
    assert mine.read_text() == "years"


def test_a_stopped_fresh_reproduction_goes_on_when_it_is_repeated(tmp_path, monkeypatch):
    piece, kept = tmp_path / "smoke" / "pieces" / "made.npz", []

    def made(*_):
        kept.append(piece.exists())
        piece.parent.mkdir(exist_ok=True)
        piece.touch()
        return []

    def stopped(*_):
        made()
        raise KeyboardInterrupt

    def call(n_seeds):
        reproduce(["000-2"], "smoke", tmp_path, n_seeds=n_seeds, fresh=True, jobs=1, progress=False)

    monkeypatch.setattr(papers, "_group", stopped)
    for n_seeds in (1, 1, 2):  # begun, repeated, and asked otherwise
        with pytest.raises(KeyboardInterrupt):
            call(n_seeds)
    monkeypatch.setattr(papers, "_group", made)
    for _ in range(2):  # goes on and finishes; then it is replaced
        call(2)
    assert kept == [False, True, False, True, False]
