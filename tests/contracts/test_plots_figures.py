"""Figures: every one drawn, sized for a journal, readable, and leaving the caller's matplotlib as it was."""

import io
from dataclasses import replace
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from made_up_analysis import spins_analysis, tabular_analysis
from matplotlib.figure import Figure
from matplotlib.image import imread

from zeeman import plots
from zeeman.plots.drawn import drawn
from zeeman.plots.lattices import decoded_plane
from zeeman.plots.runs import runs as draw_runs
from zeeman.plots.style import PALETTE, colours_of
from zeeman.spectrum.diagram import Diagram

ALL = ["latent", "decoded", "samples", "energies", "spectrum", "states", "order_parameters", "training"]


@pytest.fixture(scope="module")
def analysis():
    return spins_analysis()


def texts(figure):
    return " ".join(t.get_text() for t in figure.findobj(mpl.text.Text))


@pytest.mark.parametrize(("columns", "millimetres"), [(1, 89.0), (2, 183.0)])
def test_every_figure_of_a_spin_analysis_has_column_width(analysis, columns, millimetres):
    figures = plots.draw_all(analysis, columns=columns)
    assert list(figures) == ALL
    for name, figure in figures.items():
        width = figure.get_size_inches()[0] * 25.4
        assert width <= millimetres + 1e-9 or name == "decoded"
        if name != "decoded":
            assert width == pytest.approx(millimetres)


def test_no_setting_leaks_and_no_warning_is_given(analysis):
    before = dict(mpl.rcParams)
    for figure in plots.draw_all(analysis).values():
        figure.savefig(io.BytesIO(), dpi=40)
    assert dict(mpl.rcParams) == before
    assert not mpl._pylab_helpers.Gcf.get_all_fig_managers()


def test_what_does_not_apply_is_left_out():
    assert list(plots.draw_all(tabular_analysis())) == ["latent", "spectrum", "states"]


@pytest.mark.parametrize("missing", ["pca", "kappa", "phases", "states", "energies_error", "correlations", "plane"])
def test_each_optional_part_may_be_absent(analysis, missing):
    assert set(plots.draw_all(replace(analysis, **{missing: None}), columns=1)) <= set(ALL)


@pytest.mark.parametrize("d", [1, 3])
def test_other_latent_dimensions_are_drawn(d):
    assert list(plots.draw_all(tabular_analysis(d=d))) == ["latent", "spectrum", "states"]


def test_panels_name_phases_in_place_and_numbers_in_words(analysis):
    figures = plots.draw_all(analysis)
    for state in ("FM+", "FM−", "AFM+", "AFM−", "PM"):
        assert state in texts(figures["latent"])
    assert "PCA" in texts(figures["latent"])
    assert "PCA" in texts(figures["spectrum"])
    r = np.floor(analysis.correlations[0].max() * 1e4) / 1e4
    assert f"|r| = {r:.4f}" in texts(figures["order_parameters"])
    shown = f"{analysis.generated['FM'].energies[0]:+.2f}".replace("-", "−")
    assert shown in texts(figures["samples"])


def test_names_of_clouds_that_overlap_stand_in_a_legend():
    rng, labels = np.random.default_rng(0), np.repeat(["a", "b", "c"], 100)
    for apart, legend in ((9.0, False), (0.5, True)):
        ax = Figure().add_subplot()
        plots.plane_by_label(apart * np.eye(3, 2).repeat(100, axis=0) + rng.normal(size=(300, 2)), labels, ax)
        in_legend = [text.get_text() for text in ax.get_legend().get_texts()] if legend else []
        assert in_legend == (["a", "b", "c"] if legend else [])
        assert {text.get_text() for text in ax.texts} == (set() if legend else {"a", "b", "c"})
    ax = Figure().add_subplot()
    plots.plane_by_label(rng.normal(size=(200, 2)), np.repeat(["_x", "y"], 100), ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["_x", "y"]
    ax = Figure().add_subplot()
    plots.plane_by_label(rng.normal(size=(200, 2)), np.arange(200) % 40, ax)
    assert ax.get_legend() is None


def test_a_diagram_of_one_set_follows_its_first_level_within_limits():
    energies = np.array([[0.0, 0.6, 1.0], [0.0, 2.0, 30.0], [0.0, 400.0, 900.0], [0.0, 1e5, 1e6]])
    for first, top in ((2.0, 1.12 * 2.0), (40.0, 1.12 * 5.0)):
        ax = Figure().add_subplot()
        energies[1, 1] = energies[2, 1] = first
        plots.zeeman_diagram(Diagram("sharpening", np.array([0.0, 0.5, 0.9, 1.0]), energies, [(1, 1)]), ax)
        assert ax.get_ylim()[1] == pytest.approx(top)


def test_a_dollar_in_a_label_is_a_dollar(analysis):
    """Formulas of the package stay formulas; what users call their classes and runs is text, two dollars or one."""
    phases = np.where(analysis.phases == "PM", "$x^$ of {1}", analysis.phases)
    named = replace(analysis, phases=phases, states=None, **{
        key: {"$x^$" if phase == "PM" else phase: draws for phase, draws in getattr(analysis, key).items()}
        for key in ("real", "generated")
    })  # fmt: skip
    figures = plots.draw_all(named)
    figures["runs"] = draw_runs(["cost in $", "$a_$"], [{"energies": [0.0, 1.0]}] * 2)
    for name in ("latent", "samples", "energies", "order_parameters", "runs"):
        figures[name].savefig(io.BytesIO(), dpi=40)
    assert {row[4] for row in drawn(figures["latent"])} >= {"$x^$ of {1}"}
    assert {row[0] for row in drawn(figures["energies"])} >= {"c $x^$"}
    assert figures["latent"].axes[0].get_xlabel().startswith("$z_1$")


def test_decoded_plane_puts_each_mean_where_its_latent_is(analysis):
    ax = Figure().add_subplot()
    decoded_plane(analysis.plane, ax, tiles=25)
    image = ax.images[0]
    left, right, bottom, top = image.get_extent()
    pixels = np.asarray(image.get_array())
    for z, mean in (((2.4, 0.0), 1.0), ((-2.4, 0.0), 0.0), ((0.0, 0.0), 0.5)):
        row = int((top - z[1]) / (top - bottom) * pixels.shape[0])
        column = int((z[0] - left) / (right - left) * pixels.shape[1])
        assert abs(pixels[row, column] - mean) < 0.02


def test_levels_of_one_multiplet_do_not_overprint():
    ax = Figure().add_subplot()
    plots.levels(np.array([0.0, 1e-4, 2e-4, 5.0, 6.0]), 3, ax)
    lines = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 1.8 and np.ptp(line.get_ydata()) == 0]
    spans = sorted((float(x[0]), float(x[1])) for x in lines[:3])
    assert len(spans) == 3
    assert all(first[1] < second[0] for first, second in pairwise(spans))


def test_classes_get_different_colours_and_disorder_is_grey():
    colours = colours_of(["AFM", "FM", "PM"])
    assert len(set(colours.values())) == 3
    assert colours["PM"] not in PALETTE
    assert len(set(colours_of(range(10)).values())) == 10


def test_save_is_atomic_and_repeatable(analysis, tmp_path):
    figure = plots.training(analysis.history)
    plots.save(figure, tmp_path / "a.png")
    plots.save(figure, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert imread(tmp_path / "a.png").shape[1] == pytest.approx(183 / 25.4 * 200, abs=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_wrong_column_count_is_refused(analysis):
    with pytest.raises(ValueError, match="columns must be 1"):
        plots.draw_all(analysis, columns=3)
