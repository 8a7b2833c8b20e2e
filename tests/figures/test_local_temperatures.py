"""Paper 002, Fig. 7: energies and data of one phase, the control of the start, and the smallest run."""

import numpy as np
import torch
from figure_contract import check_figure

from zeeman import spins
from zeeman.studies.figures import Shelf, size_of
from zeeman.studies.figures import local_temperatures as figure
from zeeman.vae import BetaVAE
from zeeman.vae.networks import TableDecoder


def test_energies_of_known_configurations():
    up = np.ones((1, 8, 8), np.int8)
    checkerboard = (1 - 2 * (np.indices((8, 8)).sum(axis=0) % 2)).astype(np.int8)[None]
    stripes = np.repeat(np.array([1, 1, -1, -1] * 2, np.int8), 8).reshape(1, 8, 8)
    np.testing.assert_allclose(
        figure.energy_per_site(np.concatenate([up, -up, checkerboard, stripes])), [-2, -2, 2, -1]
    )


def test_one_phase_has_both_signs_its_energies_and_the_order_of_its_phase(tmp_path):
    shelf, size = Shelf(tmp_path, progress=False), size_of("smoke")
    fm, pm = (figure.one_phase(size, shelf, 0, phase) for phase in ("FM", "PM"))
    for data in (fm, pm):
        assert set(np.unique(data["X"])) == {-1, 1}
        np.testing.assert_allclose(figure.energy_per_site(data["X"]), data["energies"])
    m = spins.magnetization(fm["X"])
    assert abs((m > 0).mean() - 0.5) < 5 * 0.5 / np.sqrt(len(m))
    assert np.abs(m).mean() > 0.8 > 0.5 > np.abs(spins.magnetization(pm["X"])).mean()


def test_the_offset_moves_the_last_channel_alone():
    decoder, z = TableDecoder(2, 8, 2).eval(), torch.randn(3, 2)
    with torch.no_grad():
        moved = figure.Offset(decoder, 2.0)(z) - decoder(z)
    np.testing.assert_allclose(moved[:, 0], 0)
    np.testing.assert_allclose(moved[:, 1], 2, atol=1e-6)


def test_the_loss_knows_only_the_product_of_field_and_inverse_temperature():
    X = np.random.default_rng(0).choice([-1, 1], (64, 8, 8))
    vae = BetaVAE(2, tempered=True, n_epochs=1, random_state=0, validation_fraction=0, n_threads=1).fit(X)
    likelihood, output = vae.modules_[0].likelihood, torch.randn(5, 2, 8, 8)
    scale = torch.sigmoid(output[:, 1])
    other = torch.stack([output[:, 0] * scale / 0.25, torch.full_like(scale, -np.log(3.0))], dim=1)  # beta_k = 1/4
    torch.testing.assert_close(likelihood.fields(other), likelihood.fields(output))
    assert (likelihood.inverse_temperatures(other) - 0.25).abs().max() < 1e-6


def test_the_smallest_run(tmp_path):
    numbers = check_figure("002-7", tmp_path)
    started = np.stack([numbers["beta_started_FM"][0], numbers["beta_started_PM"][0]])
    np.testing.assert_allclose(started, np.tile([0.12, 0.5, 0.88], (2, 1)), atol=0.08)  # two steps: where it started
