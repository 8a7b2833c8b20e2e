"""Lines of a training's log, runs side by side, and the numbers beside every figure."""

import builtins
import csv
import json
import sys
import types

import numpy as np
import pandas as pd
import pytest
from made_up_analysis import spins_analysis

import zeeman as zm
from zeeman import plots
from zeeman.base.logs import JsonLines, Several, TensorBoard
from zeeman.plots.drawn import COLUMNS, write_drawn
from zeeman.studies import runs

X = np.random.default_rng(0).normal(size=(60, 4))


def fitted(**options):
    return zm.BetaVAE(n_epochs=4, n_replicas=2, random_state=0, n_threads=1, **options)


class Memory:
    """The shortest logger there is."""

    def __init__(self):
        self.rows, self.closed = {}, 0

    def log(self, step, values):
        self.rows[step] = dict(values)

    def close(self):
        self.closed += 1


def test_a_logger_hears_what_the_history_keeps():
    logger = Memory()
    vae = fitted().fit(X, logger=logger)
    assert list(logger.rows) == [1, 2, 3, 4]
    assert logger.closed == 1
    for name in ("loss", "reconstruction", "kl", "validation_elbo"):
        np.testing.assert_array_equal([row[name] for row in logger.rows.values()], vae.history_[name])


def test_a_logger_changes_no_number():
    plain, logged = fitted().fit(X), fitted().fit(X, logger=Memory())
    np.testing.assert_array_equal(plain.transform(X), logged.transform(X))


def test_a_logger_is_closed_when_training_fails():
    class Broken(Memory):
        def log(self, step, values):
            raise OSError("the tracker is down")

    logger = Broken()
    with pytest.raises(OSError, match="tracker"):
        fitted().fit(X, logger=logger)
    assert logger.closed == 1


def test_lines_are_read_by_pandas_and_hold_the_history(tmp_path):
    vae = fitted().fit(X, logger=JsonLines(tmp_path / "metrics.jsonl", training="model"))
    frame = pd.read_json(tmp_path / "metrics.jsonl", lines=True)
    assert frame.step.tolist() == [1, 2, 3, 4]
    assert (frame.training == "model").all()
    assert (frame.seconds.diff()[1:] >= 0).all()
    np.testing.assert_allclose(np.stack(frame.validation_elbo), vae.history_["validation_elbo"], rtol=1e-12)


def test_a_continued_log_tells_every_step_once(tmp_path):
    file = tmp_path / "metrics.jsonl"
    other, first = JsonLines(file, training="ensemble"), JsonLines(file, training="model")
    other.log(3, {"loss": 7.0})
    other.close()
    for step in (1, 2, 3):
        first.log(step, {"loss": [float(step)]})
    first.close()
    with open(file, "a") as stream:
        stream.write('{"training": "model", "step": 4, "lo')  # killed while it wrote
    again = JsonLines(file, training="model")
    for step in (3, 4):  # its last checkpoint was of step 2
        again.log(step, {"loss": [10.0 * step]})
    again.close()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["training"], row["step"]) for row in rows] == [
        ("ensemble", 3), ("model", 1), ("model", 2), ("model", 3), ("model", 4),
    ]  # fmt: skip
    assert rows[-2]["loss"] == [30.0]


def test_lines_of_others_stay_whatever_they_hold(tmp_path):
    """Without a step, without an end, with a line separator of Unicode in a word."""
    file = tmp_path / "metrics.jsonl"
    others = ['{"note": "by hand"}', "[1, 2]", '{"step": "last"}', '{"training": "a\u2028b", "step": 9}']
    file.write_text("\n".join([*others, '{"training": "model", "step": 1}']), encoding="utf-8")
    log = JsonLines(file, training="model")
    log.log(2, {"loss": 1.0})
    log.close()
    *there, one, two = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert there == others
    assert [json.loads(line)["step"] for line in (one, two)] == [1, 2]
    file.write_text('{"note": "by hand"}', encoding="utf-8")
    again = JsonLines(file)
    again.log(1, {})
    again.close()
    assert [json.loads(line).get("step") for line in file.read_text().splitlines()] == [None, 1]


def test_what_is_not_finite_is_null(tmp_path):
    log = JsonLines(tmp_path / "m.jsonl")
    log.log(1, {"loss": [float("nan"), 1.0], "kl": float("inf")})
    log.close()
    row = json.loads((tmp_path / "m.jsonl").read_text())
    assert (row["loss"], row["kl"]) == ([None, 1.0], None)


@pytest.fixture
def board(monkeypatch):
    """A stand-in for torch's SummaryWriter that keeps what it is told."""
    told = []

    class SummaryWriter:
        def __init__(self, folder, purge_step=None):
            told.append(("open", folder, purge_step))

        def add_scalar(self, name, value, step):
            told.append((name, value, step))

        def flush(self):
            pass

        def close(self):
            told.append(("close",))

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return told


def test_tensorboard_gets_a_curve_for_each_replica(board, tmp_path):
    memory = Memory()
    log = Several([TensorBoard(tmp_path / "board"), memory])
    log.log(5, {"loss": [1.0, 2.0], "rate": 0.5})
    log.close()
    assert board == [
        ("open", str(tmp_path / "board"), 5), ("loss/replica_0", 1.0, 5), ("loss/replica_1", 2.0, 5), ("rate", 0.5, 5),
        ("close",),
    ]  # fmt: skip
    assert memory.rows[5]["rate"] == 0.5


def test_tensorboard_that_is_not_installed_says_what_to_install(monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if "tensorboard" in name:
            raise ModuleNotFoundError("No module named 'tensorboard'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TensorBoard(tmp_path)


def made_run(folder, name, metrics=None, **settings):
    (folder / name).mkdir(parents=True)
    record = {"format": 1, "job": "analyze", "started": "", "settings": {"source": "x", **settings}, "data_hash": ""}
    (folder / name / "run.json").write_text(json.dumps(record))
    if metrics is not None:
        (folder / name / "metrics.json").write_text(json.dumps(metrics))
        (folder / name / "report.html").write_text("page")


@pytest.fixture
def several(tmp_path):
    energies = [0.0, 0.1, 0.4]
    agreement = {key: {"mean": 0.9, "worst": 0.8} for key in ("raw", "energies", "lifted")}
    found = {"elbo": -3.0, "energies": energies, "seconds": {"total": 9.0}, "cluster_ari": 0.5}
    found |= {"lift": {"agreement": agreement}, "pca": {"cluster_ari": 0.2}}
    made_run(tmp_path, "b2/deep", found, beta=2.0, seed=0)
    made_run(tmp_path, "a", {"elbo": -2.0, "energies": [0.0, 0.3, None], "seconds": {"total": 5.0}}, beta=1.0, seed=0)
    made_run(tmp_path, "stopped", beta=1.0, seed=0)
    made_run(tmp_path, ".a.before", {}, beta=1.0)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "run.json").write_text('{"settings": {"lr": 0.1}}')
    return tmp_path


def test_runs_are_found_with_their_state(several):
    found = {one.name: one for one in runs.find(several)}
    assert set(found) == {"a", "b2/deep", "stopped", "broken", "foreign"}
    assert found["a"].status == "finished"
    assert found["stopped"].status == "stopped"
    assert found["broken"].status.startswith("unreadable")
    assert found["foreign"].status == "unreadable: run.json has no 'source'"
    assert runs.numbers_of(found["b2/deep"])["energies.1"] == 0.1
    json.dumps([one.to_dict() for one in found.values()])


def test_the_table_shows_what_differs_and_no_more(several):
    head, *rows = runs.table(runs.find(several)).splitlines()
    assert "beta" in head.split()
    assert "seed" not in head.split()
    assert "ELBO" in head.split()
    assert len(rows) == 7
    assert rows[-1] == "5 runs, 2 finished"


def test_runs_as_csv_and_as_a_figure(several, tmp_path):
    found = runs.find(several)
    runs.write_csv(found, tmp_path / "runs.csv")
    frame = pd.read_csv(tmp_path / "runs.csv").set_index("run")
    assert frame.loc["a", "elbo"] == -2.0
    assert frame.loc["b2/deep", "settings.beta"] == 2.0
    runs.draw(found, tmp_path / "all.svg")
    assert (tmp_path / "all.svg").read_text().count("<svg") == 1
    drawn = pd.read_csv(tmp_path / "all.csv")
    assert set(drawn[drawn.panel.str.contains("ELBO")].x) == {-2.0, -3.0}


def test_every_figure_has_its_numbers(tmp_path):
    analysis = spins_analysis()
    for name, figure in plots.draw_all(analysis).items():
        write_drawn(figure, tmp_path / f"{name}.csv")
        with open(tmp_path / f"{name}.csv", newline="") as file:
            head, *rows = list(csv.reader(file))
        assert tuple(head) == COLUMNS
        assert len(rows) > 3, name
    latent = pd.read_csv(tmp_path / "latent.csv", dtype={"series": str})
    first = latent[latent.panel == latent.panel[0]]
    assert len(first) == len(analysis.Z)
    training = pd.read_csv(tmp_path / "training.csv")
    losses = training[training.panel.str.contains("Training loss")]
    np.testing.assert_allclose(np.sort(losses.y), np.sort(analysis.history["loss"].ravel()), rtol=1e-8)


def test_drawn_numbers_survive_a_round_trip(tmp_path):
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot(title="panel")
    x = np.float32(np.random.default_rng(1).normal(size=7))
    ax.plot(x, x**2, label="parabola", color="red")
    ax.scatter(x, -x, c=x)
    ax.imshow(np.arange(6.0).reshape(2, 3))
    ax.bar([1, 2], [3, 4], color="blue")
    ax.fill_between([0, 1], [0, 1], color="green")
    ax.axhline(0.25)
    write_drawn(figure, tmp_path / "f.csv")
    frame = pd.read_csv(tmp_path / "f.csv")
    assert set(frame.panel) == {"panel"}
    line = frame[frame.series == "parabola"]
    np.testing.assert_array_equal(np.float32(line.x), x)
    assert set(line.colour) == {"#ff0000"}
    points = frame[frame.artist == "path"]
    np.testing.assert_array_equal(np.float32(points.value), x)
    image = frame[frame.artist == "image"]
    np.testing.assert_array_equal(image.value, np.arange(6.0))
    assert image.x.tolist() == [0, 1, 2, 0, 1, 2]
    assert frame[frame.artist == "bar"].y.tolist() == [3, 4]
    assert (frame[frame.artist == "line"].y == 0.25).any()
