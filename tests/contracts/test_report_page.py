"""The report in a real browser: it decodes as torch does, answers pointer and keys, and asks no network for a thing."""

import contextlib
import re
import shutil

import numpy as np
import pytest
import torch
from made_up_analysis import spins_analysis, tabular_analysis
from torch import nn

from zeeman import plots, report
from zeeman.report.words import headline, number, share

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    pytest.fail(
        "no chromium on PATH: the report is tested in a real browser; `apt-get install chromium`, then try again"
    )


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield opened
        opened.close()


@contextlib.contextmanager
def shown(browser, path, width=1280, height=900, scheme="light"):
    """Open a page; any error in its console, or any request but for the file itself, fails the test."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def trained(*layers):
    """Layers with random weights, shifts and running statistics, in evaluation mode."""
    module = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, values in [*module.named_parameters(), *module.named_buffers()]:
            if values.is_floating_point():
                values.copy_(torch.randn(values.shape, generator=generator) * (0.5 if values.ndim > 1 else 0.3))
                if name.endswith("running_var"):
                    values.copy_(1.0 + values.abs())
    return module.eval()


def conv(size, channels=1):
    quarter = size // 4
    return trained(
        nn.Linear(2, 24, bias=False), nn.BatchNorm1d(24), nn.ReLU(),
        nn.Linear(24, 6 * quarter**2), nn.BatchNorm1d(6 * quarter**2), nn.LeakyReLU(0.2),
        nn.Unflatten(1, (6, quarter, quarter)),
        nn.ConvTranspose2d(6, 5, 4, 2, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU(),
        nn.ConvTranspose2d(5, channels, 4, 2, padding=1),
    )  # fmt: skip


def cropped():
    return trained(
        nn.Linear(2, 18), nn.ReLU(), nn.Unflatten(1, (2, 3, 3)),
        nn.ConvTranspose2d(2, 3, 4, 2, padding=1), nn.ZeroPad2d((0, -1, 0, -1)), nn.Tanh(),
        nn.ConvTranspose2d(3, 1, 4, 2, padding=1),
    )  # fmt: skip


class Skip(nn.Module):
    """A smooth decoder whose forward is more than its layers in a row."""

    def __init__(self):
        super().__init__()
        self.inner = trained(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 36))

    def forward(self, z):
        return (self.inner(z) + z.sum(1, keepdim=True)).unflatten(1, (1, 6, 6))


def plain_mlp(d, n):
    return trained(nn.Linear(d, 16), nn.ReLU(), nn.Linear(16, n))


DECODERS = {
    "mlp": (plain_mlp(2, 256), 2, "sigmoid", False, lambda o: o.sigmoid()),
    "mlp, four latents": (plain_mlp(4, 12), 4, "identity", False, lambda o: o),
    "convolutions": (conv(16), 2, "sigmoid", False, lambda o: o.sigmoid()),
    "odd half": (cropped(), 2, "sigmoid", False, lambda o: o.sigmoid()),
    "tempered": (conv(16, 2), 2, "sigmoid", True, lambda o: (o[:, :1] * o[:, 1:].sigmoid()).sigmoid()),
    "softmax": (conv(8, 3), 2, "softmax", False, lambda o: o.softmax(1)),
    "states": (
        conv(8, 3), 2, "expectation", False, lambda o: (o.softmax(1) * torch.arange(3.0).reshape(1, 3, 1, 1)).sum(1)
    ),
}  # fmt: skip


def page_decodes(browser, path, points):
    with shown(browser, path) as page:
        decoded = page.evaluate("points => points.map(z => Array.from(window.zeeman.decode(z)))", points.tolist())
        facts = page.evaluate("[zeeman.latentDim, zeeman.nReplicas, zeeman.decode(Array(zeeman.latentDim).fill(0)) "
                              "instanceof Float32Array]")  # fmt: skip
    return np.array(decoded), facts


@pytest.mark.parametrize("name", DECODERS)
def test_decode_agrees_with_torch(browser, tmp_path, name):
    module, d, output, tempered, means = DECODERS[name]
    analysis = spins_analysis(n=200) if d == 2 else tabular_analysis(n=100, d=d)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    decoder = report.export_decoder(module, latent_dim=d, output=output, tempered=tempered)
    report.write_report(analysis, {}, tmp_path / "report.html", decoder)
    points = np.random.default_rng(3).normal(0, 1.5, (20, d)).astype(np.float32)
    with torch.no_grad():
        expected = means(module(torch.from_numpy(points))).flatten(1).numpy()
    decoded, facts = page_decodes(browser, tmp_path / "report.html", points)
    assert facts == [d, analysis.codes.n_replicas, True]
    assert np.abs(decoded - expected).max() < 1e-5
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


def test_a_large_network_is_reduced_and_its_error_is_true(browser, tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(2, 1024), nn.ReLU(), nn.Linear(1024, 600), nn.ReLU(), nn.Linear(600, 256)).eval()
    decoder = report.export_decoder(module, latent_dim=2, output="sigmoid", max_weights=100_000)
    assert 0 < decoder.error < 1e-3
    assert f"{decoder.error:.1g}" in decoder.note
    report.write_report(spins_analysis(n=200), {}, tmp_path / "report.html", decoder)
    points = np.random.default_rng(4).uniform(-3.5, 3.5, (20, 2)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(points)).sigmoid().numpy()
    decoded, _ = page_decodes(browser, tmp_path / "report.html", points)
    assert np.abs(decoded - expected).max() < 3 * decoder.error


def test_an_unknown_network_is_tabulated_over_its_plane(browser, tmp_path):
    module = Skip().eval()
    decoder = report.export_decoder(module, latent_dim=2, output="sigmoid")
    assert "grid" in decoder.note
    assert decoder.error < 0.01
    report.write_report(spins_analysis(n=200, L=6), {}, tmp_path / "report.html", decoder)
    points = np.random.default_rng(5).uniform(-3.5, 3.5, (20, 2)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(points)).sigmoid().flatten(1).numpy()
    decoded, _ = page_decodes(browser, tmp_path / "report.html", points)
    assert np.abs(decoded - expected).max() < 3 * decoder.error + 1e-6


def test_an_unknown_layer_outside_the_plane_is_named():
    with pytest.raises(TypeError, match="GELU"):
        report.export_decoder(nn.Sequential(nn.Linear(3, 4), nn.GELU()), latent_dim=3)
    with pytest.raises(ValueError, match="output must be one of"):
        report.export_decoder(nn.Linear(2, 4), latent_dim=2, output="relu")


@pytest.fixture(scope="module")
def full_report(tmp_path_factory):
    """The whole page, decoding z to the made-up means m = a z1 + b z2 checkerboard."""
    analysis = spins_analysis()
    linear = nn.Linear(2, 256)
    board = torch.from_numpy(analysis.spins.patterns["staggered_magnetization"].ravel().astype(np.float32))
    with torch.no_grad():
        linear.weight.copy_(2.2 * torch.stack([torch.ones(256), board], dim=1))
        linear.bias.zero_()
    path = tmp_path_factory.mktemp("report") / "report.html"
    decoder = report.export_decoder(linear, latent_dim=2, output="sigmoid")
    pictures = {name: report.picture(figure) for name, figure in plots.draw_all(analysis).items()}
    pictures["latent"] = report.picture(plots.latent(analysis), plots.latent(analysis, columns=1))
    report.write_report(analysis, pictures, path, decoder)
    return analysis, path


def value(page, name):
    return float(re.match(r"[−\d.]+", page.locator(f"[id='{name}']").inner_text()).group().replace("−", "-"))


def test_pointer_and_keys_move_the_configuration_and_its_numbers(browser, full_report):
    _, path = full_report
    with shown(browser, path) as page:
        plane = page.locator("#plane")
        box = plane.bounding_box()
        page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.46 * box["height"])
        right, picture = value(page, "value magnetization"), page.evaluate("decoded.toDataURL()")
        page.mouse.move(box["x"] + 0.15 * box["width"], box["y"] + 0.46 * box["height"])
        left = value(page, "value magnetization")
        assert right > 0.8
        assert left < -0.8
        assert page.evaluate("decoded.toDataURL()") != picture
        before = page.locator("#at").inner_text(), page.evaluate("plane.toDataURL()")
        plane.focus()
        page.keyboard.press("Shift+ArrowUp")
        assert page.locator("#at").inner_text() != before[0]
        assert page.evaluate("plane.toDataURL()") != before[1]


def test_the_energy_shown_is_the_mean_energy_of_independent_sites(browser, full_report):
    analysis, path = full_report
    with shown(browser, path) as page:
        box = page.locator("#plane").bounding_box()
        page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.46 * box["height"])
        z = [float(v.replace("−", "-")) for v in page.locator("#at").inner_text().strip("()").split(", ")]
        s = 2 * np.array(page.evaluate("z => Array.from(zeeman.decode(z))", z)) - 1
        expected = -(s[analysis.spins.bonds[:, 0]] * s[analysis.spins.bonds[:, 1]]).sum() / s.size
        assert value(page, "energy") == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("width", [320, 400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_sideways_scroll_at_any_width(browser, full_report, width, scheme):
    _, path = full_report
    with shown(browser, path, width=width, height=740, scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        plane = page.locator("#plane").bounding_box()
        assert plane["width"] > 0.5 * min(width, 600)


def test_the_page_is_whole_small_and_silent(full_report):
    analysis, path = full_report
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 10e6
    assert not re.search(r"(?:src|href|srcset)\s*=\s*[\"'](?!data:|#)", text)
    assert "@import" not in text
    for part in ("adjusted Rand index of 0.997", "PCA", analysis.provenance["commit"], "Energy per site", "<table>"):
        assert part in text
    assert text.count("<figure") == 8


def test_words_follow_the_numbers():
    first, second = headline(spins_analysis(n=200))
    assert "five low states" in first
    assert "0.997" in first
    assert "PCA" in second
    assert share(0.99996) == "0.9999"
    assert "three clusters" in headline(tabular_analysis())[0]


def test_names_cannot_break_out_of_the_page(tmp_path):
    analysis = spins_analysis(n=200, name="</script><b>x", notes=["<img src=y>"])
    report.write_report(analysis, {}, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>x" not in text
    assert "<img" not in text


def test_tables_take_any_value():
    assert [number(v) for v in (None, True, -3, 2.0, 1e-5, float("nan"), "auto")] == [
        "none", "yes", "−3", "2", "1e−05", "not finite", "auto",
    ]  # fmt: skip
