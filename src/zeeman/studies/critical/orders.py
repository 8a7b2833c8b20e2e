"""Order parameters: the model's own, principal components, and the codes of trained networks.

All come as (replica, sample, component), centred at every temperature; only ratios that do not see their scale are
formed from them. Of a code with more axes than the order parameter has, those are kept whose fluctuations grow most on
cooling: the largest eigenvalues of S_cold v = lambda S_hot v, S the covariances of the codes at the lowest and the
highest temperature. How many is what the model says; where none is known, as many as grow half as much as the first, at
every size and in every training. They are brought to unit covariance over all temperatures, which puts the
components of an order parameter that a symmetry mixes (Potts, XY) on one scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from zeeman.base.random import stream
from zeeman.spins.models import StateModel
from zeeman.spins.observables import longest_waves, peak_structure
from zeeman.studies.critical.networks import UniformDecoder, UniformEncoder, amplitudes, moved_to
from zeeman.studies.critical.samples import Samples
from zeeman.training import evaluating
from zeeman.vae import BetaVAE
from zeeman.vae.likelihoods import resolve
from zeeman.vae.model import LatentModel

__all__ = ["Order", "codes_of", "fitted_to", "is_uniform", "latent_template", "model_order", "principal_components"]

_PORTION = 512
_SITES = 1 << 15  # of one portion that such an encoder reads: its features stay in the cache
_TRAINED_ON = 20_000  # configurations of one training at most
_GROWN = 0.5  # growth of an axis of order, in parts of the largest, where no model says how many there are
_MOST_FEATURES = 1 << 28  # of all configurations that principal components are made of


@dataclass(frozen=True)
class Order:
    """An order parameter of one size.

    Attributes
    ----------
    codes : ndarray, (replica, sample, component)
    loss : ndarray, (replica, sample), or None
        -ln p(x|z) a site, where a decoder is.
    waves : ndarray, (replica, sample), or None
        |z(k)|^2, mean over the smallest wave vectors k, where the code has a place in space.
    """

    codes: NDArray[np.float64]
    loss: NDArray[np.float64] | None = None
    waves: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class _Codes:
    """What the networks of one size said: codes, centred, losses a site, and the amplitudes of waves in the codes."""

    codes: NDArray[np.float64]  # (replica, sample, latent)
    losses: NDArray[np.float64] | None  # (replica, sample)
    fields: NDArray[np.float64] | None  # (replica, sample, wave, latent), cosines and sines

    def order(self, samples: Samples, n_kept: int) -> Order:
        """Return the codes and their waves along the `n_kept` axes of the order parameter."""
        axes = [order_axes(code, samples, n_kept) for code in self.codes]
        return Order(
            np.stack([code @ axis for code, axis in zip(self.codes, axes, strict=True)]),
            self.losses,
            None if self.fields is None else np.stack([_power(*one) for one in zip(self.fields, axes, strict=True)]),
        )


def model_order(sizes: Sequence[Samples], with_waves: bool = False) -> list[Order]:
    """Order parameter that the model itself names, `model.order_parameter`, if wanted with its waves."""
    if any(one.model is None for one in sizes):
        raise ValueError(
            "the data name no model of this package (attributes model, lattice, length, as zm.spins.sample writes), so "
            "the order parameter is not known: give model=, your own on a lattice of any size, or use 'pca' or 'latent'"
        )
    return [
        Order(
            _in_portions(one.model.order_parameter, one.configurations)[None],
            waves=_known_waves(one) if with_waves else None,
        )
        for one in sizes
    ]


def principal_components(sizes: Sequence[Samples], seed: int) -> list[Order]:
    """Scores on the leading principal components of the configurations, one-hot or vectors, size by size."""
    return [Order(_principal(one, seed)[None]) for one in sizes]


def codes_of(estimator: Any, sizes: Sequence[Samples], seed: int, with_loss: bool = False) -> list[Order]:
    """Posterior means under every training, from networks fitted here or before.

    Parameters
    ----------
    estimator : BetaVAE, or one a size (sequence in ascending size, or mapping by size)
        Not fitted: a template, fitted anew at every size; with the network of `latent_template` at the smallest size
        alone, whose code is then read at all. Fitted: asked as it is.
    with_loss : bool
        Ask the decoders too.
    """
    several = isinstance(estimator, (Mapping, Sequence))
    given = _per_size(estimator, sizes) if several else [estimator] * len(sizes)
    for vae in given:
        if not isinstance(vae, BetaVAE):
            raise TypeError(f"estimator must be a BetaVAE or a name, got {type(vae).__name__}")
        if vae.n_replicas < 2:
            raise ValueError(
                f"n_replicas = {vae.n_replicas}: the error over retrainings needs two at least; three are good"
            )
    if len({vae.n_replicas for vae in given}) > 1:
        said = ", ".join(f"{vae.n_replicas} at L = {one.size}" for vae, one in zip(given, sizes, strict=True))
        raise ValueError(f"n_replicas must be the same at every size, got {said}: trainings are compared one by one")
    if not several and is_uniform(estimator):
        fitted = fitted_to(estimator, sizes[0], seed)
        read = [_read(_models_on(fitted, one), fitted, one, with_loss) for one in sizes]
    else:
        read = [_coded(fitted_to(vae, one, seed), one, with_loss) for vae, one in zip(given, sizes, strict=True)]
    n_kept = _n_kept(read, sizes)
    return [one.order(samples, n_kept) for one, samples in zip(read, sizes, strict=True)]


def latent_template(samples: Samples, seed: int, n_replicas: int = 3, n_epochs: int = 12) -> BetaVAE:
    """The default: `UniformEncoder`, `UniformDecoder`, as many latents as the order parameter can have components."""
    X, about = samples.configurations, {"model": type(samples.model).__name__}
    likelihood, _ = resolve(X, "auto", False, about)
    latent_dim = _n_components(samples)
    encoder = UniformEncoder(likelihood.n_inputs, latent_dim)
    decoder = UniformDecoder(latent_dim, likelihood.n_outputs, _site_shape(samples))
    return BetaVAE(
        latent_dim=latent_dim, likelihood=likelihood.name, network=(encoder, decoder), n_replicas=n_replicas,
        n_epochs=n_epochs, learning_rate=5e-3, frame="free", random_state=seed, n_threads=1, engine="stacked",
        precision="float32",
    )  # fmt: skip


def order_axes(codes: NDArray[np.float64], samples: Samples, n_kept: int) -> NDArray[np.float64]:
    """The `n_kept` directions (latent, kept) in which `codes` (sample, latent) fluctuate more and more on cooling."""
    kept = _growth(codes, samples)[1][:, -n_kept:]
    spread, turn = np.linalg.eigh(np.atleast_2d(np.cov(codes @ kept, rowvar=False)))
    return kept @ (turn / np.sqrt(spread + 1e-300)) @ turn.T


def _growth(codes: NDArray[np.float64], samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """S_cold / S_hot - 1, ascending (latent,), and the directions of it (latent, latent)."""
    cold, hot = (np.atleast_2d(np.cov(codes[samples.at(k)], rowvar=False)) for k in (0, -1 % len(samples.temperatures)))
    floor = 1e-9 * np.trace(hot) / len(hot) + 1e-300
    growth, directions = scipy.linalg.eigh(cold, hot + floor * np.eye(len(hot)))
    return growth - 1, directions


def centred(codes: NDArray[np.float64], samples: Samples) -> NDArray[np.float64]:
    """Codes less their mean at each temperature, where a symmetry forbids one."""
    out = codes.astype(np.float64, copy=True)
    for k in range(len(samples.temperatures)):
        out[..., samples.at(k), :] -= out[..., samples.at(k), :].mean(axis=-2, keepdims=True)
    return out


def _per_size(estimator: Any, sizes: Sequence[Samples]) -> list[Any]:
    if isinstance(estimator, Mapping):
        missing = [one.size for one in sizes if one.size not in estimator]
        if missing:
            raise ValueError(f"no estimator for L = {', '.join(map(str, missing))}: give one a size")
    given = [estimator[one.size] for one in sizes] if isinstance(estimator, Mapping) else list(estimator)
    if len(given) != len(sizes):
        raise ValueError(f"{len(given)} estimators for {len(sizes)} sizes: give one, or one a size in ascending order")
    return given


def is_uniform(vae: Any) -> bool:
    """Whether this is an estimator with the network of `latent_template`, whose code has a place in space."""
    network = getattr(vae, "network", None)
    return isinstance(network, (tuple, list)) and isinstance(network[0], UniformEncoder)


def fitted_to(vae: BetaVAE, samples: Samples, seed: int) -> BetaVAE:
    """The estimator if it is fitted, else a copy fitted to (at most 20,000 of) these samples."""
    try:
        check_is_fitted(vae)
    except NotFittedError:
        X = samples.configurations
        chosen = stream(seed, "training set").permutation(len(X))[:_TRAINED_ON]
        template = clone(vae)
        if template.random_state is None:
            template.set_params(random_state=seed)
        return template.fit(X[np.sort(chosen)])
    return vae


def _models_on(vae: BetaVAE, samples: Samples) -> list[LatentModel]:
    return [moved_to(model, _site_shape(samples)) for model in vae.modules_]


def _coded(vae: BetaVAE, samples: Samples, with_loss: bool) -> _Codes:
    shape = samples.configurations.shape[1:]
    if tuple(vae.sample_shape_) != shape:
        raise ValueError(
            f"the estimator was fitted to data of shape {tuple(vae.sample_shape_)} and L = {samples.size} has shape "
            f"{shape}: give one fitted estimator a size, or one that is not fitted"
        )
    return _read(vae.modules_, vae, samples, with_loss)


def _read(models: Sequence[LatentModel], vae: BetaVAE, samples: Samples, with_loss: bool) -> _Codes:
    """Codes, their waves, and if wanted the loss a site, by every training."""
    X, likelihood, n_sites = samples.configurations, models[0].likelihood, samples.n_sites
    device = next(models[0].parameters()).device
    waves = _waves(samples, device) if isinstance(models[0].encoder, UniformEncoder) else None
    portion = _PORTION if waves is None else max(8, _SITES // n_sites)
    n_waves, n_latents = 0 if waves is None else len(waves), vae.latent_dim
    # made before the loop: small arrays that stay, between large ones that go, would leave holes in the memory
    means = np.empty((len(models), len(X), n_latents))
    fields = np.empty((len(models), len(X), n_waves, n_latents))
    losses = np.empty((len(models), len(X))) if with_loss else None
    with evaluating(1), torch.no_grad():
        for first in range(0, len(X), portion):
            at = slice(first, first + portion)
            x = likelihood.states(X[at]).to(device)
            mean, far = _asked(models, likelihood.features(x), waves)
            means[:, at], fields[:, at] = mean.cpu(), far.cpu()
            if losses is not None:
                one = [-model.log_prob(z, x) / n_sites for model, z in zip(models, mean, strict=True)]
                losses[:, at] = torch.stack(one).cpu()
    return _Codes(np.stack([centred(code, samples) for code in means]), losses, None if waves is None else fields)


def _n_kept(read: Sequence[_Codes], sizes: Sequence[Samples]) -> int:
    """Axes of the order parameter, equally many at every size and in every training."""
    if sizes[0].model is not None:
        return min(_n_components(sizes[0]), read[0].codes.shape[-1])
    growths = [_growth(code, samples)[0] for one, samples in zip(read, sizes, strict=True) for code in one.codes]
    return max(1, min(int((one >= max(_GROWN * one[-1], 1e-12)).sum()) for one in growths))


def _asked(
    models: Sequence[LatentModel], inputs: torch.Tensor, waves: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Posterior means (replica, sample, latent) and amplitudes of the waves (replica, sample, wave, latent)."""
    if waves is None:
        mean = torch.stack([model.encoder(inputs)[0] for model in models])
        return mean, mean[:, :, None][:, :, :0]
    encoders: Any = [model.encoder for model in models]
    found = amplitudes(encoders, inputs, torch.cat([torch.ones_like(waves[:1]), waves]))
    return found[:, :, 0] + torch.stack([one.head.mean.bias for one in encoders])[:, None], found[:, :, 1:]


def _power(field: NDArray[np.float64], axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """|z(k)|^2 along `axes` (latent, component), (sample,), of cosines and sines (sample, k x 2, latent)."""
    return 2 * ((field @ axes) ** 2).sum(axis=2).mean(axis=1)


def _waves(samples: Samples, device: torch.device) -> torch.Tensor | None:
    """The longest waves of the lattice, (wave, site); None where the data do not name a lattice."""
    if samples.lattice is None:
        return None
    waves = longest_waves(samples.lattice)
    return torch.as_tensor(waves.reshape(-1, waves.shape[-1]), dtype=torch.float32, device=device)


def _known_waves(samples: Samples) -> NDArray[np.float64]:
    """|m(k)|^2 of the model's own order parameter at the wave vectors next to its order, (1, sample)."""
    return peak_structure(samples.configurations, samples.model)[1][None] / samples.n_sites


def _principal(samples: Samples, seed: int) -> NDArray[np.float64]:
    """Scores (sample, component) from a covariance of up to 20,000 configurations."""
    n_features = _features(samples, samples.configurations[:1]).shape[1]
    chosen = stream(seed, "training set").permutation(len(samples.configurations))
    flat = _features(samples, samples.configurations[np.sort(chosen[: min(_TRAINED_ON, _MOST_FEATURES // n_features)])])
    mean = flat.mean(axis=0)
    flat -= mean
    # the leading axes of (site, site): a few are enough, found by blocks of power iterations
    wanted = _n_components(samples) + 2
    axes = np.linalg.qr(stream(seed, "pca").standard_normal((flat.shape[1], wanted)).astype(np.float32))[0]
    for _ in range(12):
        axes = np.linalg.qr(flat.T @ (flat @ axes))[0]
    scores = _in_portions(lambda x: (_features(samples, x) - mean) @ axes, samples.configurations)
    scores = centred(scores, samples)
    leading = np.argsort(-scores.var(axis=0))[: _n_components(samples)]
    scores = scores[:, leading]
    return scores @ order_axes(scores, samples, scores.shape[1])


def _features(samples: Samples, x: NDArray) -> NDArray[np.float32]:
    """Configurations as (sample, feature): spins, one-hot states, components of unit vectors."""
    kind = type(samples.model).__name__
    if kind in ("Clock", "XY"):
        turn = 2 * np.pi / samples.model.n_states if kind == "Clock" else 1.0
        angles = x.reshape(len(x), -1) * np.float32(turn)
        return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    if kind not in ("Ising", "BlumeCapel") and isinstance(samples.model, StateModel):
        return (x.reshape(len(x), -1, 1) == samples.model.states.values).reshape(len(x), -1).astype(np.float32)
    return x.reshape(len(x), -1).astype(np.float32)


def _n_components(samples: Samples) -> int:
    """Components of the order parameter if the model says so, else one."""
    if samples.model is None:
        return 1
    return int(samples.model.order_parameter(samples.configurations[:1]).shape[1])


def _site_shape(samples: Samples) -> tuple[int, ...]:
    """Site axes of a configuration."""
    return samples.configurations.shape[1:] if samples.lattice is None else samples.lattice.shape


def _in_portions(function: Any, x: NDArray) -> NDArray[np.float64]:
    parts = [function(x[k : k + 2048]) for k in range(0, len(x), 2048)]
    return np.concatenate(parts).astype(np.float64)
