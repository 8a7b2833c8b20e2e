"""What a trained beta-VAE is asked: codes of data, data of codes, evidence. No training here.

Axes: (replica, sample, site... | latent); without a replica axis the best replica answers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.distributions import Distribution

from zeeman.base.checks import check_positive_integer
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, torch_stream
from zeeman.base.types import Codes, Seed
from zeeman.training import evaluating
from zeeman.vae.inputs import check_codes, check_data
from zeeman.vae.likelihoods import Likelihood
from zeeman.vae.model import LatentModel
from zeeman.vae.objectives import elbo, importance_log_likelihood

__all__ = ["TrainedVAE"]

_PORTION = 512  # samples evaluated at once


class TrainedVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The verbs of `zeeman.vae.BetaVAE` after `fit`."""

    latent_dim: int
    verbose: bool
    modules_: list[LatentModel]
    best_replica_: int
    engine_: dict[str, Any]
    seed_: int
    _likelihood: Likelihood
    _dtype: str

    def encode(self, X: ArrayLike) -> Codes:
        """Return posterior means and standard deviations under every replica, (replica, sample, latent) each.

        The deterministic encoders of objective="plain" and "mmd" have no widths: there the standard deviations are
        (1 + F_jj)^-1/2 in (0, 1], F the Fisher metric of p(x|z) at the mean: those of the decoder's posterior.
        """
        states = self._states(X)
        with evaluating(self.engine_["threads"]):
            pairs = [[model.posterior(x) for x in states.split(_PORTION)] for model in self.modules_]
            mean, scale = (torch.stack([torch.cat([pair[i] for pair in row]) for row in pairs]) for i in (0, 1))
        return Codes(mean.float().cpu().numpy(), scale.float().cpu().numpy())

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return posterior means of the best replica, (sample, latent)."""
        states = self._states(X)
        with evaluating(self.engine_["threads"]):
            means = [self._best.posterior(x)[0] for x in states.split(_PORTION)]
        return torch.cat(means).float().cpu().numpy()

    def decode(self, Z: ArrayLike) -> Distribution:
        """Return p(x|z) of the best replica: batch (sample,), event one datum.

        `.mean` is in the units of the likelihood: Bernoulli, probabilities of the higher value in [0, 1]; categorical,
        expected values of the state (`.base_dist.probs` has the probabilities); Gaussian, means; von Mises, mean
        directions in [0, 2 pi); von Mises-Fisher, mean vectors; negative binomial, counts at the median library of the
        fitted data. `.log_prob` of Bernoulli takes 0 and 1 whatever the coding of the data: of spins, (X + 1) / 2.
        """
        fields = self._fields(Z)
        return self._likelihood.distribution(fields)

    def inverse_transform(self, Z: ArrayLike) -> NDArray[np.floating]:
        """Return the mean of p(x|z) of the best replica in the units of X, (sample, ...).

        As `decode(Z).mean`, but in the coding of the data: of spins -1 and 1 the mean spin in (-1, 1).
        """
        return self._likelihood.mean(self._fields(Z)).numpy()

    def local_fields(self, Z: ArrayLike) -> NDArray[np.float32]:
        """Return local fields of the best replica at Z (paper 002, eq. 10, 13, 17), (sample, site...).

        Bernoulli: h_k with P(high) = sigmoid(h_k); categorical: (sample, site..., state); Gaussian: the mean; von Mises
        and von Mises-Fisher: what multiplies (cos x, sin x) or x, (sample, site..., 2) or (sample, site..., 3);
        negative binomial: ln mu_k - ln(theta_k + mu_k), what multiplies a count. A tempered model returns the effective
        field beta_k h_k.
        """
        return self._likelihood.local_fields(self._fields(Z)).numpy()

    def local_inverse_temperatures(self, Z: ArrayLike) -> NDArray[np.float32]:
        """Return beta_k in (0, 1) of a tempered model, (sample, site...); 1 for a plain one."""
        return self._from_output(Z, "inverse_temperatures").numpy()

    def sample(self, n_samples: int = 1, random_state: Seed = None) -> NDArray:
        """Draw data from p(x) = E_{z ~ N(0,1)} p(x|z) of the best replica, (sample, ...) in the coding and type of X.

        Parameters
        ----------
        n_samples : int
        random_state : int, generator or None
            None: a stream of the model's own seed, the same draws at every call.
        """
        check_is_fitted(self)
        check_positive_integer(n_samples, "n_samples")
        seed = self.seed_ if random_state is None else entropy_of(random_state)
        z = torch.randn(n_samples, self.latent_dim, generator=torch_stream(seed, "sample/z"))
        generator = torch_stream(seed, "sample/x")
        states = [self._likelihood.draw(self._fields(part.numpy()), generator) for part in z.split(_PORTION)]
        values, kind = self._likelihood.values(torch.cat(states)).numpy(), np.dtype(self._dtype)
        if kind.kind not in "iu":
            return values.astype(kind)
        known = np.iinfo(kind)  # a count may exceed all that were seen, and a Gaussian draw is no integer
        whole = known.min <= values.min() and values.max() <= known.max and bool((values == np.round(values)).all())
        return values.astype(kind) if whole else values

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean ELBO of the best replica at beta = 1, nats a sample (one draw of z each, fixed stream).

        Whatever the objective: a lower bound of ln p(x) under p(z) = N(0, 1). After objective="mmd" q has the widths of
        the decoder's posterior; after "plain" too, but its codes were never held to p(z), so the bound is low and says
        more about their size than about the model: compare reconstructions there.
        """
        states = self._states(X)
        with evaluating(self.engine_["threads"]):
            return self._mean_elbo(self._best, states)

    def log_likelihood(self, X: ArrayLike, n_importance: int = 500) -> NDArray[np.float64]:
        """Return ln p(x) under every replica by importance sampling from q(z|x), (replica, sample), nats.

        A lower bound on average, tighter with more draws; costs `n_importance` passes of the decoder a sample.
        """
        check_positive_integer(n_importance, "n_importance")
        states = self._states(X)
        portion = max(1, 4 * _PORTION // n_importance)
        result = np.empty((len(self.modules_), len(states)))
        portions = math.ceil(len(states) / portion)
        with (
            evaluating(self.engine_["threads"]),
            Progress(result.shape[0] * portions, "log-likelihood", enabled=self.verbose) as progress,
        ):
            for r, model in enumerate(self.modules_):
                generator = torch_stream(self.seed_, "importance", r)
                for start in range(0, len(states), portion):
                    x = states[start : start + portion]
                    noise = torch.randn(n_importance, len(x), self.latent_dim, generator=generator).to(x.device)
                    result[r, start : start + portion] = importance_log_likelihood(model, x, noise).cpu().numpy()
                    progress.advance()
        return result

    @property
    def _n_features_out(self) -> int:
        return self.latent_dim

    @property
    def _best(self) -> LatentModel:
        return self.modules_[self.best_replica_]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]  # networks compute in float32 whatever comes in
        return tags

    def _states(self, X: ArrayLike) -> Tensor:
        check_is_fitted(self)
        return self._likelihood.states(check_data(self, X, fitting=False)).to(next(self._best.parameters()).device)

    def _fields(self, Z: ArrayLike) -> Tensor:
        return self._from_output(Z, "fields")

    def _from_output(self, Z: ArrayLike, what: str) -> Tensor:
        """Return what the likelihood reads from the best decoder's output at Z, on the CPU."""
        check_is_fitted(self)
        read = getattr(self._likelihood, what)
        z = torch.from_numpy(check_codes(Z, self.latent_dim)).to(next(self._best.parameters()).device)
        with evaluating(self.engine_["threads"]):
            return torch.cat([read(self._best.decoder(part).float()) for part in z.split(_PORTION)]).cpu()

    def _mean_elbo(self, model: LatentModel, states: Tensor) -> float:
        noise = torch.randn(len(states), self.latent_dim, generator=torch_stream(self.seed_, "score")).to(states.device)
        parts = zip(states.split(_PORTION), noise.split(_PORTION), strict=True)
        total = sum(elbo(model, x, draws).sum().item() for x, draws in parts)
        return total / len(states)

    def _mean_reconstruction(self, model: LatentModel, states: Tensor) -> float:
        """Return the mean of ln p(x|z) at the posterior means, nats a sample."""
        with evaluating(self.engine_["threads"]):
            total = sum(model.log_prob(model.posterior(x)[0], x).sum().item() for x in states.split(_PORTION))
        return total / len(states)
