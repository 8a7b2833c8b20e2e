"""`zeeman explore`: on this machine only, whole decoders, the same numbers as Python."""

import json
import socket
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
import torch
from made_up_analysis import spins_analysis
from test_report_page import browser  # noqa: F401 (a fixture)
from torch import nn

import zeeman as zm
from zeeman import report
from zeeman.studies.explore import Decoders, explore


class Bent(nn.Module):
    """A decoder that is more than its layers in a row: three latents, so no page can hold it."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 16)

    def forward(self, z):
        return self.inner(torch.sin(z)).unflatten(1, (1, 4, 4))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose page holds a decoder of low rank, and that decoder."""
    folder = tmp_path_factory.mktemp("served")
    rng = np.random.default_rng(0)
    X = np.where(rng.random((120, 8, 8)) < 0.5, 1, -1).astype(np.int8)
    vae = zm.BetaVAE(2, network="mlp", n_epochs=1, random_state=0, n_threads=1).fit(X)
    decoder = report.export_decoder(vae.modules_[0].decoder, latent_dim=2, output="sigmoid", max_weights=100)
    analysis = spins_analysis(n=120, L=8, n_replicas=1, codes=vae.encode(X), Z=vae.transform(X).astype(float))
    object.__setattr__(decoder, "error", 0.5)  # as if it were a rough one: the page then asks
    report.write_report(analysis, {}, folder / "report.html", decoder)
    vae.save(folder / "model")
    return folder, vae


@pytest.fixture(scope="module")
def address(run):
    """The address of a real server for the run."""
    said, heard = [], threading.Event()

    def say(text):
        said.append(text.split()[0])
        heard.set()

    threading.Thread(target=explore, args=(run[0],), kwargs={"show": False, "say": say}, daemon=True).start()
    assert heard.wait(30)
    return said[0]


def test_the_page_asks_the_server_for_the_whole_decoder(browser, run, address):  # noqa: F811
    vae = run[1]
    context = browser.new_context()
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    box = page.locator("#plane").bounding_box()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    page.get_by_text("Decoded by the server").wait_for()
    z = np.array(page.evaluate("zeeman.explorer.z"), dtype=np.float32)
    page.wait_for_function(
        "z => String(zeeman.explorer.z) === z && !zeeman.explorer.waiting",
        arg=page.evaluate("String(zeeman.explorer.z)"),
    )
    found = page.evaluate("Array.from(zeeman.explorer.found.means)")
    context.close()
    assert np.abs(np.array(found) - vae.decode(z[None]).mean.numpy().ravel()).max() < 1e-6
    assert said == []
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {address.split("/")[2]}


def ask(address, where="", question=None, host=None):
    """(status, headers, body) of one request."""
    body = None if question is None else json.dumps(question).encode()
    request = urllib.request.Request(address + where, data=body, headers={"content-type": "application/json"})
    if host:
        request.add_header("host", host)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_the_server_answers_only_its_own_name_and_valid_questions(run, address):
    vae = run[1]
    assert b'name="zeeman-server"' in ask(address)[2]
    assert json.loads(ask(address, "api/run")[2])["trainings"][0]["latent"] == 2
    z = [[0.3, -0.2], [1.0, 2.0]]
    _, headers, body = ask(address, "api/decode", {"training": 0, "z": z})
    found = np.frombuffer(body, dtype="<f4").reshape([int(n) for n in headers["x-shape"].split(",")])
    assert np.allclose(found[:, 0], vae.local_fields(z), atol=1e-6)
    for question, what in (
        ({"training": 3, "z": z}, "one of 0..0"),
        ({"training": 0, "z": [[1.0]]}, "shape (sample, 2)"),
        ({"training": 0, "z": [[0.0, 0.0]] * 600}, "more than 512"),
    ):
        status, _, body = ask(address, "api/decode", question)
        assert status == 422
        assert what in json.loads(body)["detail"]
    assert ask(address, "api/decode", {"z": "x"})[0] == 422
    assert ask(address, host="elsewhere.example")[0] == 400


def test_what_cannot_be_explored_is_said(tmp_path, run):
    with pytest.raises(ValueError, match="holds no report"):
        Decoders(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} .*choose another"):
            explore(run[0], port=port, show=False, say=lambda _: None)


def test_a_decoder_that_no_page_runs_is_named_with_the_way_out():
    with pytest.raises(TypeError, match="more than its layers"):
        report.export_decoder(Bent(), latent_dim=3)
    with pytest.raises(TypeError, match="zeeman explore RUN"):
        report.export_decoder(nn.Sequential(nn.Linear(3, 4), nn.GELU()), latent_dim=3)
