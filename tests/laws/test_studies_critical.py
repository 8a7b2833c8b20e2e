"""Critical temperatures of sampled models: found within their errors, refusals that say what to do."""

from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

from zeeman import BetaVAE, spins
from zeeman.spins.lattices import Lattice
from zeeman.spins.models import StateModel, States
from zeeman.spins.models.model import check_parameters
from zeeman.studies.critical import critical_temperature
from zeeman.studies.critical.laws import BKT_HELICITY, law_of
from zeeman.studies.critical.samples import read_samples
from zeeman.studies.critical.scaling import Law

EXACT = 2 / np.log(1 + np.sqrt(2))
TEMPERATURES = tuple(EXACT * (1 + x) for x in (-0.1, -0.05, -0.02, 0.02, 0.05, 0.1))


@pytest.fixture(scope="module")
def ising():
    return [spins.sample(spins.Ising(spins.square(L)), TEMPERATURES, 3000, seed=L) for L in (4, 8, 16)]


@pytest.mark.parametrize(
    ("estimator", "signal"),
    [("binder", "auto"), ("pca", "auto"), ("order", "gap"), ("order", "length")],
)
def test_ising_is_exact_within_the_error(ising, estimator, signal):
    found = critical_temperature(ising, estimator, signal=signal, n_bootstrap=60)
    assert abs(found.pull(EXACT)) < 5
    assert found.error < 0.04
    assert found.error == pytest.approx(np.sqrt(found.samples_error**2 + found.scaling_error**2))
    assert str(found).startswith("2.2") or str(found).startswith("2.3")
    assert found.to_frame().iloc[-1]["temperature"] == found.value


def test_peaks_of_ising_lead_to_the_exact_temperature():
    data = [
        spins.sample(spins.Ising(spins.square(L)), [EXACT * (1 + x / L) for x in (0.2, 0.6, 1.0, 1.4)], 2000, seed=L)
        for L in (8, 16)
    ]
    found = critical_temperature(data, "susceptibility", n_bootstrap=60)
    assert abs(found.pull(EXACT)) < 5
    (first, _), (second, _) = found.pseudocritical.values()
    assert first > second > found.value


def test_codes_find_ising_and_carry_the_spread_of_retrainings(ising):
    from zeeman.studies.critical.orders import latent_template

    vae = latent_template(read_samples(ising)[0], seed=0, n_epochs=4)
    found = critical_temperature(ising, vae, n_bootstrap=60)
    assert abs(found.pull(EXACT)) < 5
    assert found.error < 0.04
    assert len(found.trainings) == 3
    assert found.retraining_error > 0
    assert found.signal == "length"
    again = critical_temperature(ising, vae, n_bootstrap=60)
    assert again.value == found.value


def test_the_code_of_ising_spins_is_their_mean_and_nothing_else(ising):
    """What a function of one spin can be: without features of neighbours no operator of short range is mixed in."""
    from zeeman.studies.critical.orders import codes_of, latent_template

    sizes = read_samples(ising)
    for one, order in zip(sizes, codes_of(latent_template(sizes[0], seed=0, n_epochs=1), sizes, 0), strict=True):
        m = one.model.order_parameter(one.configurations)
        for k in range(len(one.temperatures)):
            for code in order.codes:
                assert abs(np.corrcoef(code[one.at(k), 0], m[one.at(k), 0])[0, 1]) > 1 - 1e-6


def test_all_sizes_keep_as_many_axes_as_the_order_has():
    """Few samples of Potts states grow unevenly on cooling: none of the q - 1 axes may be lost at one size only."""
    from zeeman.studies.critical.orders import codes_of, latent_template, principal_components

    data = [
        spins.sample(spins.Potts(spins.square(length), n_states=4), [0.88, 0.91, 0.94], 60, seed=length)
        for length in (4, 8, 16)
    ]
    sizes = read_samples(data)
    vae = latent_template(sizes[0], seed=0, n_replicas=2, n_epochs=4)
    assert [one.codes.shape[-1] for one in principal_components(sizes, 0)] == [3, 3, 3]
    assert [one.codes.shape[-1] for one in codes_of(vae, sizes, 0)] == [3, 3, 3]
    bare = read_samples([one.drop_attrs() for one in data])
    assert len({one.codes.shape[-1] for one in codes_of(vae, bare, 0)}) == 1


def test_waves_of_a_code_are_its_own_code_on_turned_sites():
    """The amplitude at k of a uniform code is its mean with every site weighed by cos or sin k.r: here site by site."""
    import torch

    from zeeman.studies.critical.networks import UniformEncoder, amplitudes

    lattice = spins.triangular(4)
    encoders = [UniformEncoder(2, 3) for _ in range(2)]
    x = torch.randn(5, 2, 4, 4)
    waves = torch.as_tensor(spins.observables.longest_waves(lattice).reshape(-1, 16), dtype=torch.float32)
    found = amplitudes(encoders, x, torch.cat([torch.ones(1, 16), waves]))
    for encoder, code in zip(encoders, found, strict=True):
        mean, _ = encoder(x)
        torch.testing.assert_close(code[:, 0] + encoder.head.mean.bias, mean)
        for k, weights in enumerate(waves, 1):
            parts = [amplitudes([encoder], x, one_site * weights)[0, :, 0] for one_site in torch.eye(16)[:, None]]
            torch.testing.assert_close(code[:, k], torch.stack(parts).sum(0), atol=1e-5, rtol=1e-4)
    shifted = amplitudes(encoders, x.roll(1, 2), waves)
    power = [(one**2).reshape(2, 5, 3, 2, 3).sum(3) for one in (found[:, :, 1:], shifted)]
    torch.testing.assert_close(*power)  # a translation turns cosine into sine


def test_bootstrap_errors_fall_as_the_root_of_the_number_of_samples(ising):
    def thinned(data, step):
        k = np.arange(data.sizes["sample"])
        return data.isel(sample=k[k % step == 0])

    full = critical_temperature(ising[1:], "binder", nu=1.0).samples_error
    few = critical_temperature([thinned(one, 4) for one in ising[1:]], "binder", nu=1.0).samples_error
    assert 1.2 < few / full < 3.4


def test_one_size_says_that_it_is_not_critical(ising):
    with pytest.warns(RuntimeWarning, match="not the critical temperature"):
        found = critical_temperature(ising[-1], "order")
    assert found.signal == "susceptibility"
    assert found.value > EXACT
    with pytest.raises(ValueError, match="second size"):
        critical_temperature(ising[-1], "binder")


def test_few_blocks_have_the_error_of_a_mean():
    """n - 1 of n blocks are drawn: drawing n of 4 makes errors 13 % too small."""
    data = spins.sample(spins.Ising(spins.square(4)), TEMPERATURES[:3], 32, seed=0)
    (one,) = read_samples(data)
    blocks = one.block_means([one.energies])[:, :4, 0]
    means = np.einsum("dtb,tb->dt", one.draws(4000, 0)[1:, :, :4], blocks)
    np.testing.assert_allclose(means.std(axis=0), blocks.std(axis=1, ddof=1) / 2, rtol=0.05)


def test_the_sizes_of_a_mapping_are_those_of_the_data(ising):
    named = dict(zip((4, 8, 16), ising, strict=True))
    assert [one.size for one in read_samples(named)] == [4, 8, 16]
    flat = {
        L: xr.Dataset({"configuration": (("sample", "site"), one["configuration"].values.reshape(-1, L * L))},
                      {"temperature": one["temperature"]})
        for L, one in named.items()
    }  # fmt: skip
    assert [one.size for one in read_samples(flat)] == [4, 8, 16]
    assert [one.size for one in read_samples(list(flat.values()))] == [16, 64, 256]
    for wrong in (ising[0], ising[0].drop_attrs()):
        with pytest.raises(ValueError, match="is called L = 8, and is of L = 4"):
            read_samples({8: wrong})
    with pytest.raises(TypeError, match="must be an integer, got '4'"):
        read_samples({"4": ising[0]})


def test_what_a_fit_cannot_use_is_refused_before_training(ising, monkeypatch):
    monkeypatch.setattr(BetaVAE, "fit", lambda *_, **__: pytest.fail("trained"))
    bare = [one.drop_vars("energy") for one in ising]
    with pytest.raises(ValueError, match="no energies"):
        critical_temperature(bare, "latent", signal="susceptibility")
    with pytest.raises(ValueError, match=r"n_replicas must be the same.*2 at L = 4, 3 at L = 8"):
        critical_temperature(ising, [BetaVAE(n_replicas=n) for n in (2, 3, 3)])
    for estimator in ("binder", "susceptibility", "latent"):
        with pytest.raises(ValueError, match="nu must be at least"):
            critical_temperature(ising, estimator, nu=1e-3)


def test_refusals_name_the_remedy(ising):
    def part(keep):
        return [one.isel(sample=np.flatnonzero(keep(one.temperature.values))) for one in ising]

    with pytest.raises(ValueError, match="three at least"):
        critical_temperature(part(lambda t: t < TEMPERATURES[1] + 1e-9), "binder")
    with pytest.raises(ValueError, match="no crossing"):
        critical_temperature(hot(), "binder")
    with pytest.raises(ValueError, match="sizes must differ"):
        critical_temperature([ising[0], ising[0]], "binder")
    with pytest.raises(ValueError, match="one of"):
        critical_temperature(ising, "bindr")
    with pytest.raises(ValueError, match="n_replicas"):
        critical_temperature(ising, BetaVAE(n_replicas=1))
    with pytest.raises(ValueError, match="decoder"):
        critical_temperature(ising, "pca", signal="reconstruction")
    for without_a_place in ("pca", BetaVAE(n_replicas=2, network="mlp")):
        with pytest.raises(ValueError, match="amplitude in space"):
            critical_temperature(ising, without_a_place, signal="length")
    with pytest.raises(ValueError, match="end of the range"):
        critical_temperature(part(lambda t: t < TEMPERATURES[3] - 1e-9), "susceptibility")
    with pytest.raises(ValueError, match="give nu"):
        critical_temperature(ising[:2], "susceptibility", nu="fit")
    for empty in ([], {}):
        with pytest.raises(ValueError, match="dataset is empty"):
            critical_temperature(empty)
    with pytest.raises(TypeError, match="xarray"):
        critical_temperature(np.zeros(3), "binder")
    other = spins.sample(spins.Ising(spins.triangular(6)), TEMPERATURES, 64, seed=0)
    with pytest.raises(ValueError, match="one model"):
        critical_temperature([ising[0], other], "binder")
    with pytest.raises(ValueError, match="temperature"):
        critical_temperature(xr.Dataset({"configuration": (("sample", "x"), np.ones((4, 4)))}), "pca")


def hot():
    return [spins.sample(spins.Ising(spins.square(L)), [3.0, 3.2, 3.4], 400, seed=L) for L in (4, 8)]


def test_a_temperature_where_nothing_moves_is_left_out():
    """All samples there are ground states: the signal has no error, and would outweigh every other point."""
    data = [
        spins.sample(spins.Ising(spins.square(L)), [0.3, *TEMPERATURES], 600, seed=L, method="swendsen-wang")
        for L in (4, 8)
    ]
    found = critical_temperature(data, "binder", n_bootstrap=30)
    assert abs(found.pull(EXACT)) < 5
    assert found.error > 1e-3


def test_a_stiffness_is_read_by_the_law_of_its_transition_or_not_at_all(ising):
    with pytest.raises(ValueError, match="Berezinskii"):
        critical_temperature(ising, "helicity")
    mirrored = Law(None, 1.75, 0.1, BKT_HELICITY)
    for coupling in (1.0, -1.0):
        assert law_of(spins.XY(spins.square(4), coupling), "helicity") == mirrored
    assert law_of(spins.XY(spins.triangular(4)), "length").bkt is None
    assert law_of(spins.Ising(spins.square(4), field=0.1), "cumulant") == Law()


def test_what_one_mean_over_sites_cannot_see_is_refused_before_training():
    data = [spins.sample(spins.Ising(spins.square(L), -1.0), TEMPERATURES, 64, seed=L) for L in (4, 8)]
    with pytest.raises(ValueError, match="alternates from site to site"):
        critical_temperature(data, "latent")
    assert abs(critical_temperature(data, "order", n_bootstrap=20).value - EXACT) < 0.5


def test_the_torus_of_another_lattice_has_other_constants():
    data = [spins.sample(spins.XY(spins.triangular(L)), [1.3, 1.4, 1.5, 1.6], 40, seed=L) for L in (4, 8)]
    with pytest.raises(ValueError, match="not on that of the triangular one"):
        critical_temperature(data, "order")


@pytest.mark.parametrize("nu", [np.float32(1), np.int64(1)])
def test_numbers_of_any_kind_are_numbers(ising, nu):
    assert abs(critical_temperature(ising, "binder", nu=nu, n_bootstrap=20).pull(EXACT)) < 5


def test_a_missing_estimator_and_a_wrong_temperature_are_named(ising):
    with pytest.raises(ValueError, match="no estimator for L = 8, 16"):
        critical_temperature(ising, {4: BetaVAE()})
    wrong = [one.assign_coords(temperature=-one.temperature) for one in ising]
    with pytest.raises(ValueError, match="temperature must be positive"):
        critical_temperature(wrong, "binder")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda L: spins.Heisenberg(spins.square(L)), "Mermin"),
        (lambda L: spins.Ising(spins.triangular(3 * L), -1.0), "Wannier"),
        (lambda L: spins.Potts(spins.chain(8 * L), 3), "chain"),
        (lambda L: AshkinTeller(spins.chain(8 * L)), "chain"),
        (lambda L: spins.Ising(spins.square(L), field=0.5), "Lee & Yang"),
    ],
)
def test_what_has_no_transition_is_refused_before_anything_is_fitted(make, reason):
    """Whatever the estimator, whether or not the noise of these samples crosses somewhere, and of one size too."""
    data = [spins.sample(make(L), [3.0, 4.0, 5.0], 32, seed=L) for L in (2, 4)]
    for estimator in ("binder", "susceptibility", "pca", "latent", BetaVAE(n_replicas=2)):
        for given in (data, data[:1]):
            with pytest.raises(ValueError, match=f"{reason}.*no critical temperature to be found"):
                critical_temperature(given, estimator, signal="auto", model=make(4))


def test_a_control_says_that_it_is_one():
    at = [0.3, 0.45, 0.6, 0.75, 0.9]
    data = [spins.sample(spins.Heisenberg(spins.square(L)), at, 600, seed=L) for L in (4, 8, 16)]
    with pytest.warns(RuntimeWarning, match="a control"):
        found = critical_temperature(data, "binder", nu="fit", n_bootstrap=20)
    assert "Mermin" in found.notes[0]


def test_where_nothing_is_recorded_the_result_says_so(ising):
    assert critical_temperature(ising, "binder", n_bootstrap=20).notes == ()
    made = [spins.BlumeCapel(spins.square(L), crystal_field=0.3) for L in (4, 8)]
    data = [spins.sample(one, [1.45, 1.55, 1.65, 1.75], 400, seed=0) for one in made]
    (note, *_) = critical_temperature(data, "binder", n_bootstrap=20).notes
    assert "nothing to hold it against" in note
    assert "recorded are 0, 0.5" in note


@dataclass(frozen=True)
class AshkinTeller(StateModel):
    """A user's model: the skeleton of CONTRIBUTING.md. Without the product, two Ising models side by side."""

    lattice: Lattice
    coupling: float = 1.0
    product: float = 0.0

    def __post_init__(self):
        check_parameters(self, "coupling", "product")

    def tables(self):
        s, t = np.array([1, 1, -1, -1]), np.array([1, -1, 1, -1])
        pairs = np.outer(s, s) + np.outer(t, t)
        bond = -self.coupling * pairs - self.product * np.outer(s * t, s * t)
        flips = [[2, 3, 0, 1], [1, 0, 3, 2]]
        return States(values=[0, 1, 2, 3], bond=bond, vectors=np.stack([s, t], axis=1), involutions=flips)


def own(lattice, sizes, temperatures, n_samples=400):
    return [spins.sample(AshkinTeller(lattice(L)), temperatures, n_samples, seed=L) for L in sizes]


@pytest.fixture(scope="module")
def two_isings():
    return own(spins.square, (4, 8, 16), TEMPERATURES, 1500)


@pytest.mark.parametrize(("estimator", "signal"), [("binder", "auto"), ("order", "length")])
def test_a_model_of_the_users_own_is_measured(two_isings, estimator, signal):
    """Uncoupled it is two Ising models; the model on any one lattice stands for all sizes."""
    model = AshkinTeller(spins.square(8))
    found = critical_temperature(two_isings, estimator, signal=signal, model=model, n_bootstrap=40)
    assert abs(found.pull(EXACT)) < 5
    assert found.error < 0.1
    assert "AshkinTeller" in found.notes[0]


@dataclass(frozen=True)
class OwnPotts(StateModel):
    lattice: Lattice

    def tables(self):
        return spins.Potts(self.lattice, 3).tables()


def test_states_of_the_users_own_have_the_principal_components_of_states():
    """One direction a state, not one for their numbers."""
    from zeeman.studies.critical.orders import principal_components

    data = spins.sample(spins.Potts(spins.square(4), 3), [0.8, 1.0, 1.2], 40, seed=0)
    renamed = data.assign_attrs(model="OwnPotts")
    known, own = (
        principal_components(read_samples(*one), 0)[0].codes for one in ([data], [renamed, OwnPotts(spins.square(8))])
    )
    np.testing.assert_array_equal(own, known)


def test_a_model_of_the_users_own_is_checked_against_the_data(two_isings):
    with pytest.raises(ValueError, match="give model="):
        critical_temperature(two_isings, "binder")
    with pytest.raises(ValueError, match=r"data set 0 says coupling = 1\.0, and the model given has 2\.0"):
        critical_temperature(two_isings, "binder", model=AshkinTeller(spins.square(4), 2.0))
    with pytest.raises(ValueError, match=r"lattice = 'square'.*'triangular'"):
        critical_temperature(two_isings, "binder", model=AshkinTeller(spins.triangular(4)))
    with pytest.raises(ValueError, match=r"model = 'AshkinTeller'.*'Potts'"):
        critical_temperature(two_isings, "binder", model=spins.Potts(spins.square(4), 4))
    for wrong in (AshkinTeller, "AshkinTeller", spins.square(4)):
        with pytest.raises(TypeError, match="model must be a spin model"):
            critical_temperature(two_isings, "binder", model=wrong)
    turned = [one.assign_attrs(length=5) for one in two_isings]
    with pytest.raises(ValueError, match=r"not \(sample, sites of square\(5\)\)"):
        critical_temperature(turned, "pca")


def test_a_model_of_your_own_says_how_many_latents_its_order_has():
    from zeeman.studies.critical.orders import latent_template

    (data,) = own(spins.triangular, (4,), (3.0, 3.5, 4.0), 40)
    (named,), (given,) = read_samples(data), read_samples(data, AshkinTeller(spins.triangular(2)))
    assert latent_template(named, 0).latent_dim == 1
    assert latent_template(given, 0).latent_dim == 2
    assert given.model == AshkinTeller(given.lattice)


def test_codes_of_data_without_a_lattice_have_no_place_in_space(two_isings):
    from zeeman.studies.critical.orders import latent_template

    sizes = [one.isel(sample=slice(None, None, 5)).drop_attrs() for one in two_isings[:2]]
    vae = latent_template(read_samples(sizes)[0], 0, n_replicas=2, n_epochs=2)
    with pytest.raises(ValueError, match="data of no named lattice"):
        critical_temperature(sizes, vae, signal="length")
    found = critical_temperature(sizes, vae, nu=1.0, n_bootstrap=20)
    assert found.signal == "cumulant"
    assert found.estimator == "BetaVAE"
