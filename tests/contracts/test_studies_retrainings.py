"""Many trainings in one run: what analyze and spectrum write, refuse and draw, and what the page says of them."""

import io
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_report_page import browser, shown  # noqa: F401 (a fixture)

import zeeman as zm
from zeeman import plots, report
from zeeman.report.retrainings import _contest, finding
from zeeman.studies import EmbeddingOptions, Options, analyze, spectrum
from zeeman.studies.embeddings import _names, _scaled

FRAMES = {"raw", "pca", "ica", "procrustes", "relative", "energies", "lifted"}
FEW = EmbeddingOptions(n_states=5)


def three_sets(n=240, d=3, seed=0):
    """Three sets in d dimensions and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    centres = np.zeros((3, d))
    centres[1, 0], centres[2, :2] = 3.0, (0.8, 2.4)
    Z = centres[labels] + 0.35 * rng.standard_normal((n, d))
    return Z - Z.mean(axis=0), labels


def turned(Z, seed):
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((Z.shape[1],) * 2))[0]
    return Z @ Q + 0.02 * np.random.default_rng(seed + 100).standard_normal(Z.shape)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "classes"
    options = Options(n_samples=420, n_epochs=12, n_replicas=3, n_states=5, latent_dim=3)
    return folder, analyze("classes", folder, options, progress=False)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Three files of three kinds that hold one embedding in three frames."""
    folder = tmp_path_factory.mktemp("files")
    Z, labels = three_sets()
    frame = pd.DataFrame(turned(Z, 1), columns=["a", "b", "c"]).assign(label=[f"kind {k}" for k in labels])
    frame.to_csv(folder / "one.csv", index=False)
    np.save(folder / "two.npy", turned(Z, 2))
    np.savez(folder / "three.npz", Z=turned(np.pad(Z, ((0, 0), (0, 1))), 3))
    files = [folder / name for name in ("one.csv", "two.npy", "three.npz")]
    return files, folder / "run", spectrum(files, folder / "run", FEW, progress=False)


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_replicas_are_trained_and_lifted(trained):
    folder, analysis = trained
    metrics = metrics_of(folder)
    assert analysis.n_replicas == analysis.codes.n_replicas == 3
    assert set(metrics["lift"]["agreement"]) == FRAMES
    for frame in metrics["lift"]["agreement"].values():
        assert 0 <= frame["worst"] <= frame["mean"] <= 1
    assert len(metrics["lift"]["found"]) == 3
    assert len(metrics["energies_spread"]) == len(metrics["spread"]["energies"]) == 5
    assert sum(metrics["degeneracy"]["verdicts"].values()) == 3
    assert np.allclose(metrics["degeneracy"]["elbo"], zm.BetaVAE.load(folder / "model").elbo_)
    assert {"elbo", "n_clusters", "cluster_ari"} <= metrics["spread"].keys()
    assert metrics["diagram"]["prior"]["multiplet_width"] < 0.05
    assert "ensemble" not in {path.name for path in folder.iterdir()}


def test_lifted_coordinates_are_stored_for_whoever_goes_on(trained):
    folder, analysis = trained
    ds, lift = zm.data.open_dataset(folder / "lift"), analysis.retrainings.lift
    np.testing.assert_allclose(ds.coordinates.transpose("replica", "sample", "state"), lift.coordinates)
    np.testing.assert_array_equal(ds.consensus_labels, lift.consensus_labels)
    np.testing.assert_allclose(ds.attrs["energies"], lift.energies)


def test_embeddings_turned_against_each_other_agree_after_the_lift(read):
    _, folder, analysis = read
    metrics = metrics_of(folder)
    agreement = metrics["lift"]["agreement"]
    assert metrics["n_clusters"] == metrics["lift"]["n_clusters"] == 3
    assert agreement["energies"]["worst"] > 0.98 > agreement["raw"]["mean"]
    assert metrics["cluster_ari"] > 0.95
    assert metrics["lift"]["localized"]["worst"] > 0.98
    assert set(analysis.phases) == {"kind 0", "kind 1", "kind 2"}
    assert [Z.shape[1] for Z in analysis.retrainings.spaces] == [3, 3, 4]
    assert {path.name for path in folder.iterdir()} == {"figures", "lift", "metrics.json", "report.html", "run.json"}


def test_levels_are_those_of_the_spectrum_of_the_first_file(read):
    files, _, analysis = read
    Z = pd.read_csv(files[0])[["a", "b", "c"]].to_numpy()
    spec = zm.LatentSpectrum(5, random_state=0, n_bootstrap=0).fit(Z)
    np.testing.assert_allclose(analysis.energies, spec.energies_, rtol=1e-6, atol=1e-9)


def test_one_file_has_a_spectrum_and_no_lift(read, tmp_path):
    files, _, _ = read
    analysis = spectrum(files[1], tmp_path / "run", FEW, progress=False)
    assert analysis.retrainings is None
    assert "lift" not in metrics_of(tmp_path / "run")
    assert "Retrainings" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"n_states: 5 -> 4.*--fresh"):
        spectrum(files[1], tmp_path / "run", EmbeddingOptions(n_states=4), progress=False)
    spectrum(files[1], tmp_path / "run", EmbeddingOptions(n_states=4), progress=False, fresh=True)
    assert len(metrics_of(tmp_path / "run")["energies"]) == 4
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_trainings_of_one_name_are_told_apart_and_a_dollar_is_no_formula(tmp_path):
    Z, _ = three_sets(90)
    files = [tmp_path / folder / "$x^$" / "e.npy" for folder in "abc"]
    for seed, file in enumerate(files):
        file.parent.mkdir(parents=True)
        np.save(file, turned(Z, seed))
    analysis = spectrum(files, tmp_path / "run", EmbeddingOptions(n_states=4), progress=False)
    assert analysis.retrainings.names == [f"{folder}/$x^$/e" for folder in "abc"]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8").lower()
    assert all(f"{one}/$x^$/e and {two}/$x^$/e" in page for one, two in ("ab", "ac", "bc"))
    assert _names([Path("x.npy"), Path("x.csv")]) == ["x.npy", "x.csv"]


def test_files_of_unlike_scales_are_brought_to_one():
    Z, _ = three_sets(120)
    there = 40.0 * Z + 7.0
    spaces, notes = _scaled([Z, there], FEW)
    np.testing.assert_allclose(*spaces, atol=1e-12)
    assert "divided by one number" in notes[0]
    spaces, notes = _scaled([Z, there], EmbeddingOptions(scale="none"))
    assert spaces[1] is there
    assert "--scale unit" in notes[0]
    assert _scaled([Z, 1.1 * Z], FEW)[1] == []


def written(folder, name, array):
    np.save(folder / name, array)
    return folder / name


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (lambda p: written(p, "b.npy", np.ones((30, 2))), "no variation"),
        (lambda p: written(p, "b.npy", three_sets(90)[0]), r"b\.npy has 90 rows and .*a\.npy has 240"),
        (lambda p: written(p, "b.npy", np.zeros((2, 240, 3)) + np.arange(3)), r"no variation|\(2, 240, 3\)"),
        (lambda p: written(p, "b.npy", np.random.default_rng(0).normal(size=(2, 240, 3))), r"one file for each"),
        (lambda p: written(p, "b.npy", np.where(np.arange(720).reshape(240, 3) == 52, np.nan, 1.5)), "row 17"),
        (lambda p: p / "a.npy", "given twice"),
        (lambda p: p / "missing.npy", "missing.npy"),
        (lambda p: p / "x.h5ad", "--key obsm:NAME"),
    ],
)
def test_files_that_cannot_be_read_together_leave_nothing_behind(tmp_path, second, message):
    first = written(tmp_path, "a.npy", three_sets()[0])
    with pytest.raises((ValueError, OSError), match=message):
        spectrum([first, second(tmp_path)], tmp_path / "run", FEW, progress=False)
    assert not (tmp_path / "run").exists()


def test_no_file_and_few_samples_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no file given"):
        spectrum([], tmp_path / "run", progress=False)
    with pytest.raises(ValueError, match="too few for n_states"):
        spectrum(written(tmp_path, "a.npy", three_sets(9)[0]), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("columns", [1, 2])
def test_figures_are_drawn_without_a_warning(trained, columns):
    _, analysis = trained
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = plots.draw_all(analysis, columns=columns)
        for name in ("zeeman_diagram", "retrainings", "agreement"):
            figures[name].savefig(io.BytesIO(), dpi=50)
    words = " ".join(
        text.get_text() for text in figures["zeeman_diagram"].findobj(match=lambda a: hasattr(a, "get_text"))
    )
    assert "3-fold" in words
    assert "PCA" in words
    assert "KL" in words


def test_the_diagram_colours_as_many_levels_as_there_are_sets(trained):
    from matplotlib.figure import Figure

    _, analysis = trained
    ax = Figure().add_subplot()
    plots.zeeman_diagram(analysis.diagrams["prior"], ax, n_clusters=3)
    thick = [line for line in ax.lines if line.get_linewidth() == 1.5]
    assert len(thick) == 3
    assert thick[-1].get_ydata()[-1] < 0.05 * ax.get_ylim()[1]
    low, high = ax.get_ylim()
    for line in ax.lines:
        if line.get_linestyle() != "-" and len(line.get_ydata()):
            assert np.nanmin(line.get_ydata()) >= low
            assert np.nanmax(line.get_ydata()) <= high


def test_the_page_tells_of_all_trainings_and_is_silent(browser, trained):  # noqa: F811
    folder, analysis = trained
    with shown(browser, folder / "report.html", width=320) as page:
        assert page.evaluate("zeeman.nReplicas") == 3
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        section = page.locator("#retrainings")
        assert section.locator("figure").count() == 2
        said = section.inner_text()
        rows = section.locator("tbody tr").count()
    assert rows == 9 + 3 + 3
    assert "sees pairs" in said
    assert "Agreement is not correctness" in said
    assert "held-out ELBO" in said
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "known class" in text
    assert "known phase" not in text
    assert finding(analysis)[0].split(",")[0] in text


def test_the_page_of_embeddings_is_silent_and_speaks_of_embeddings(browser, read):  # noqa: F811
    _, folder, _ = read
    with shown(browser, folder / "report.html") as page:
        said = page.inner_text("body")
    assert "embedding" in said
    assert "β-VAE" not in said
    assert "posterior means" not in said


def test_words_name_the_frame_that_is_ahead(trained):
    several = trained[1].retrainings
    for energies, pca, word in ((0.99, 0.9, "the best other frame"), (0.9, 0.899, "as good"), (0.8, 0.95, "better")):
        values = {name: {"ordered_correlation": np.full(3, 0.5)} for name in several.degeneracy.values}
        values["energies"] = {"ordered_correlation": np.full(3, energies)}
        values["PCA"] = {"ordered_correlation": np.full(3, pca)}
        told = type(several.degeneracy)(**{**vars(several.degeneracy), "values": values})
        several = type(several)(several.spaces, several.names, several.lift, told)
        assert word in _contest(several, "energies", ("PCA", "ICA", "raw"), "Here")


def test_a_page_without_a_decoder_keeps_its_promises(browser, read, tmp_path):  # noqa: F811
    _, _, analysis = read
    report.write_report(analysis, {}, tmp_path / "report.html")
    with shown(browser, tmp_path / "report.html") as page:
        assert page.evaluate("[zeeman.latentDim, zeeman.nReplicas]") == [3, 3]
