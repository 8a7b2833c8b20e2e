"""The explorer in a real browser: what it shows at a point is what Python computes there, and it asks nobody else."""

import contextlib
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_analysis import means_of, spins_analysis
from test_report_page import browser, shown  # noqa: F401 (a fixture)

import zeeman as zm
from zeeman import report
from zeeman.meanfield import mean_field_of
from zeeman.report.script import joined
from zeeman.spectrum import LatentSpectrum
from zeeman.studies import retrainings
from zeeman.studies.explorable import page_decoders, samples_in_means

L, N, R = 8, 240, 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two short trainings on made-up spins, read together: (analysis, vae, data, page)."""
    made = spins_analysis(n=N, L=L)
    rng = np.random.default_rng(1)
    X = np.where(rng.random((N, L, L)) < means_of(2 * made.Z, L), 1, -1).astype(np.int8)
    vae = zm.BetaVAE(2, beta=3.0, network="mlp", n_replicas=R, n_epochs=6, random_state=0, n_threads=1).fit(X)
    codes = vae.encode(X)
    best = vae.best_replica_
    spectrum = LatentSpectrum(5, 3, 0, n_bootstrap=0).fit(retrainings.alone(codes, best))
    several = retrainings.read_together(codes, ["one", "two"], n_states=5, n_clusters=3, seed=0)
    Z = codes.mean[best].astype(float)
    analysis = spins_analysis(
        n=N, L=L, codes=codes, best_replica=best, Z=Z, clusters=spectrum.labels_, n_clusters=3, spectrum=spectrum,
        energies=spectrum.energies_, energies_error=None, coordinates=spectrum.transform(Z), retrainings=several,
        diagrams=retrainings.diagrams_of(spectrum, ("prior", "sharpening")), kappa=None, kappa_threshold=None,
        spins=replace(made.spins, strengths=np.linspace(0.5, 1.5, 2 * L * L), field=0.25, about="a made-up lattice"),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("run")
    decoders, samples = page_decoders([vae]), samples_in_means(vae, X)
    report.write_report(analysis, {}, folder / "report.html", decoders=decoders, samples=samples)
    vae.save(folder / "model")
    return analysis, vae, X, folder / "report.html"


@pytest.fixture(scope="module")
def opened(browser, run):  # noqa: F811
    """One page for all tests that only look and move."""
    with shown(browser, run[3], width=1280, height=1000) as page:
        yield page


def number(page, name):
    text = page.locator(f"[id='{name}']").inner_text()
    return float(re.search(r"[−-]?\d+\.?\d*", text).group().replace("−", "-"))


def go_to(page, x, y):
    """Move the real pointer to a place of the plane, in shares of it; return the latent point there."""
    box = page.locator("#plane").bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    return np.array(page.evaluate("zeeman.explorer.z"))


@pytest.fixture
def latent(opened):
    """The page back in one training's latent plane, the best one's."""
    opened.evaluate(
        "const a = zeeman.explorer.act; a.mode('one'); a.training(zeeman.scene.best.place); a.frame('latent')"
    )
    return opened


@pytest.mark.parametrize("training", range(R))
def test_every_training_decodes_as_torch_does(opened, run, training):
    vae = run[1]
    z = np.random.default_rng(2).normal(0, 1.5, (20, 2)).astype(np.float32)
    with torch.no_grad():
        expected = vae.modules_[training].decoder(torch.from_numpy(z)).sigmoid().flatten(1).numpy()
    found = opened.evaluate("([p, r]) => p.map(z => Array.from(zeeman.decode(z, r)))", [z.tolist(), training])
    assert np.abs(np.array(found) - expected).max() < 1e-5


def test_the_pointer_shows_the_mean_field_there(latent, run):
    vae = run[1]
    for place in ((0.3, 0.3), (0.8, 0.55)):
        z = go_to(latent, *place)
        field = mean_field_of(vae, z[None].astype(np.float32))
        assert number(latent, "free") == pytest.approx(field.free_energy[0], abs=2e-3)
        shown_h, shown_s = (float(v) for v in re.findall(
            r"[\d.\-]+", latent.locator("[id='mean energy']").inner_text().replace("−", "-")
        ))  # fmt: skip
        assert shown_h == pytest.approx(field.energy[0], abs=0.01)
        assert shown_s == pytest.approx(field.entropy[0], abs=0.01)
        h, most = field.effective_fields.ravel(), np.abs(field.effective_fields).max()
        assert np.allclose(latent.evaluate("Array.from(zeeman.explorer.found.fields)"), h, atol=1e-4)
        assert f"≤ {most:.1f}" in latent.locator(".pictures").inner_text()


def test_the_energy_shown_is_that_of_the_bonds_and_the_field(latent, run):
    analysis, vae = run[:2]
    sites = analysis.spins
    for place in ((0.3, 0.3), (0.8, 0.55)):
        z = go_to(latent, *place)
        s = 2.0 * vae.decode(z[None].astype(np.float32)).mean.numpy().ravel() - 1.0
        J = sites.couplings[str(analysis.phases[((analysis.Z - z) ** 2).sum(axis=1).argmin()])]
        i, j = sites.bonds.T
        energy = -J * (sites.strengths * s[i] * s[j]).sum() / s.size - sites.field * s.mean()
        assert number(latent, "energy") == pytest.approx(energy, abs=2e-3)
    assert "a made-up lattice" in latent.content()


def test_pixels_are_the_decoded_means(latent, run):
    vae = run[1]
    z = go_to(latent, 0.75, 0.35)
    drawn = latent.evaluate(
        "Array.from(decoded.getContext('2d').getImageData(0, 0, decoded.width, decoded.height).data)"
    )
    greys = np.array(drawn).reshape(L, L, 4)[..., 0]
    assert np.abs(greys - 255 * vae.decode(z[None].astype(np.float32)).mean.numpy()[0]).max() <= 1


def test_states_and_cluster_are_those_of_the_spectrum(latent, run):
    lift, best = run[0].retrainings.lift, run[1].best_replica_
    z = np.random.default_rng(3).normal(0, 1.2, (25, 2))
    found = latent.evaluate(
        "p => p.map(z => { const s = zeeman.scene.best.spectrum.read(z); return [...s.lifted, s.cluster]; })",
        z.tolist(),
    )
    expected = lift.transform(z, best)
    assert np.allclose(np.array(found)[:, :-1], expected, atol=1e-6 * max(1.0, np.abs(expected).max()))
    common = dict(zip(lift.spectra[best].labels_.tolist(), lift.labels[best].tolist(), strict=True))
    assert [int(row[-1]) for row in found] == [common[label] for label in lift.spectra[best].predict(z)]
    go_to(latent, 0.6, 0.6)
    cluster = int(latent.locator("#cluster").inner_text()[0])
    own = next(own for own, new in common.items() if new == cluster)
    assert number(latent, "level") == pytest.approx(lift.spectra[best].localized_energies_[own], abs=1e-3)


def test_the_nearest_samples_are_the_nearest(latent, run):
    analysis, vae, X, _ = run
    z = go_to(latent, 0.4, 0.7)
    first = latent.evaluate("zeeman.explorer.near.map(({sample, distance}) => [sample, distance])")
    apart = np.sqrt(((vae.encode(X).mean[analysis.best_replica] - z) ** 2).sum(axis=1))
    assert [s for s, _ in first] == np.argsort(apart, kind="stable")[: len(first)].tolist()
    drawn = latent.evaluate("Array.from(zeeman.scene.real(zeeman.explorer.near[0].sample))")
    assert np.array_equal(drawn, (X[first[0][0]].ravel() + 1) // 2)


def test_the_same_sample_is_ringed_in_every_training(opened, run):
    lift = run[0].retrainings.lift
    opened.get_by_role("button", name="All side by side").click()
    pane = opened.locator(".pane").nth(1)
    box = pane.bounding_box()
    opened.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"])
    sample = opened.evaluate("zeeman.explorer.closest")
    rings = opened.evaluate("zeeman.explorer.together.panes.map(({ plane }) => plane.at)")
    codes = run[1].encode(run[2]).mean
    assert np.allclose(rings[:R], codes[:, sample], atol=1e-5)
    assert np.allclose(rings[R:], lift.coordinates[:, sample, :2], rtol=2e-3, atol=2e-3)
    assert f"Sample {sample}" in opened.locator(".together").inner_text()


def test_a_drawn_path_plays_and_has_the_energies_of_its_points(latent, run):
    vae = run[1]
    latent.get_by_role("button", name="Draw a path").click()
    box = latent.locator("#plane").bounding_box()
    start, end = (box["x"] + 0.25 * box["width"], box["y"] + 0.7 * box["height"]), (
        box["x"] + 0.8 * box["width"], box["y"] + 0.3 * box["height"],
    )  # fmt: skip
    latent.mouse.move(*start)
    latent.mouse.down()
    latent.mouse.move(*end, steps=5)
    latent.mouse.up()
    path, free = latent.evaluate("[zeeman.explorer.codes, zeeman.explorer.film.free]")
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() < 1.2 * steps.min()
    assert np.allclose(free, mean_field_of(vae, np.array(path, dtype=np.float32)).free_energy, atol=1e-3)
    latent.locator("input[aria-label='Place on the path']").fill("1")
    assert np.allclose(latent.evaluate("zeeman.explorer.z"), path[-1], atol=1e-6)
    assert number(latent, "free") == pytest.approx(free[-1], abs=2e-3)


def test_levels_move_with_the_strength(latent, run):
    diagram = run[0].diagrams["prior"]
    canvas = latent.locator(".diagram")
    canvas.scroll_into_view_if_needed()
    before, box = latent.evaluate("document.querySelector('.diagram').toDataURL()"), canvas.bounding_box()
    latent.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    latent.mouse.down()
    latent.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    latent.mouse.up()
    strength = latent.evaluate("zeeman.explorer.strength")
    assert 0.3 < strength < 0.7
    assert latent.evaluate("document.querySelector('.diagram').toDataURL()") != before
    said = [float(v) for v in latent.locator(".levels").inner_text().split("E = ")[1].split(", ")]
    expected = [np.interp(strength, diagram.strength, level) for level in diagram.energies.T]
    assert np.allclose(said, expected, atol=6e-3)


def test_keys_and_fingers_move_the_point(browser, run):  # noqa: F811
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark")
    with contextlib.closing(context):
        page, said = context.new_page(), []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(run[3].as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        before = page.evaluate("zeeman.explorer.z")
        page.locator("#plane").focus()
        page.keyboard.press("Shift+ArrowLeft")
        assert page.evaluate("zeeman.explorer.z")[0] < before[0]
        box = page.locator("#plane").bounding_box()
        page.touchscreen.tap(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
        z = page.evaluate("zeeman.explorer.z")
        assert z != before
        page.get_by_role("button", name="All side by side").tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert said == []


def test_joined_modules_declare_each_name_once():
    names = re.findall(r"^(?:async )?(?:const|let|function|class) (\w+)", joined("page"), flags=re.MULTILINE)
    assert len(names) == len(set(names))
    assert "import " not in re.sub(r"//.*", "", joined("page"))
    assert joined("widget", keep="render").rstrip().endswith("export default { render };")


def test_the_widget_renders_and_tells_python_where_the_pointer_rests(browser, run, tmp_path):  # noqa: F811
    from zeeman.report.widget import widget_of_run

    explorer = widget_of_run(run[3].parent)
    page_text = (
        "<!doctype html><body><div id=here></div><script type=module>"
        f"{explorer._esm.replace('export default { render };', '')}\n"
        "const state = { scene: document.getElementById('scene').textContent };"
        "window.state = state; render({ el: here, model: { get: (k) => state[k], set: (v) => Object.assign(state, v),"
        " save_changes() { state.saved = true; }, on() {} } });</script>"
        f"<style>{explorer._css}</style><script type=application/json id=scene>{explorer.scene}</script>"
    )
    (tmp_path / "widget.html").write_text(page_text, encoding="utf-8")
    with shown(browser, tmp_path / "widget.html") as page:
        box = page.locator("#plane").bounding_box()
        page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
        page.wait_for_function("state.saved")
        assert len(page.evaluate("state.point")) == 2
    with pytest.raises(ValueError, match="no report"):
        widget_of_run(tmp_path)
