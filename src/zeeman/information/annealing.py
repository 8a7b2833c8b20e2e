"""ln p(x) between two bounds by annealed importance sampling (AIS), forward and reverse.

A path of densities from a start r(z), the prior or the encoder's q(z|x), to p(z) p(x|z), in steps of t_0 = 0 < ... < 1:

    pi_t(z) ~ r(z) exp(t Delta(z)),   Delta = ln p(z) p(x|z) / r(z)
    ln w = sum_k (t_k - t_{k-1}) Delta(z_{k-1}),   z_k moved from z_{k-1} by a kernel that keeps pi at t_k

Forward chains start at r: E w = p(x), so ln of their mean lies below ln p(x) on average. Reverse chains start at an
exact draw of p(z|x): E 1/w = 1/p(x), so minus ln of the mean 1/w lies above. Exact draws exist for data simulated from
the model itself, z* ~ p(z), x ~ p(x|z*): there the truth is held from both sides. In u = (z - mean_r) / scale_r the
start is N(0, 1), so kernels need one step size only; it is tuned in a pilot run and then fixed, so that both bounds
are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from zeeman.base.brief import brief
from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, torch_stream
from zeeman.base.types import Seed
from zeeman.information.densities import (
    LN_2PI,
    ROWS,
    Replicas,
    device_of,
    log_likelihood,
    log_normal,
    reading,
    resolve_models,
    resolve_replicas,
)
from zeeman.vae.model import LatentModel

__all__ = ["Annealed", "Sandwich", "annealed", "sandwich"]

_LEAPFROGS, _WALKS = 5, 5
_TARGET = {"hmc": 0.75, "walk": 0.35}  # acceptance
_STEPS = (1e-4, 1.5)  # smallest and largest step, in standard deviations of the start
_GAIN = 0.5  # of the step's logarithm, an acceptance
_STEEPNESS = 4.0  # of the sigmoid schedule


@brief
@dataclass(frozen=True)
class Annealed:
    """ln p(x) from below by AIS.

    Attributes
    ----------
    log_likelihood : ndarray, (replica, sample)
        ln of the mean weight, nats; below ln p(x) on average.
    ess : ndarray, (replica, sample)
        Effective number of chains, (sum w)^2 / sum w^2.
    error : ndarray, (replica, sample)
        Standard deviation over chains to first order, sqrt((n / ess - 1) / (n - 1)), nats.
    acceptance : ndarray, (replica,)
        Of the moves, averaged over path, chains and samples.
    log_weights : ndarray, (replica, chain, sample)
    """

    log_likelihood: NDArray[np.float64]
    ess: NDArray[np.float64] = field(repr=False)
    error: NDArray[np.float64] = field(repr=False)
    acceptance: NDArray[np.float64]
    log_weights: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class Sandwich:
    """ln p(x) from both sides, on data simulated from each replica.

    Attributes
    ----------
    X : ndarray, (replica, sample, ...)
        The simulated data, replica r's from replica r.
    lower, upper : ndarray, (replica, sample)
        Forward and reverse AIS, nats: lower <= ln p(x) <= upper on average over runs, not for every sample.
    acceptance : ndarray, (replica,)
    """

    X: NDArray = field(repr=False)
    lower: NDArray[np.float64] = field(repr=False)
    upper: NDArray[np.float64] = field(repr=False)
    acceptance: NDArray[np.float64]

    @property
    def gap(self) -> NDArray[np.float64]:
        """Mean of upper - lower, (replica,), nats: bounds the mean error of either side."""
        return (self.upper - self.lower).mean(axis=1)

    @property
    def gap_error(self) -> NDArray[np.float64]:
        """Standard error of `gap` over samples, (replica,)."""
        return (self.upper - self.lower).std(axis=1, ddof=1) / math.sqrt(self.lower.shape[1])


def annealed(
    vae: Replicas,
    X: ArrayLike,
    n_chains: int = 16,
    n_temperatures: int = 100,
    *,
    transition: str = "hmc",
    start: str = "prior",
    random_state: Seed = 0,
    verbose: bool = False,
) -> Annealed:
    """Return a stochastic lower bound of ln p(x) under every replica by AIS; all chains move in one batch.

    Source: Neal 2001 (Statistics and Computing 11:125); Wu, Burda, Salakhutdinov and Grosse 2017 (ICLR) for decoders
    and the sigmoid schedule.

    Parameters
    ----------
    vae : BetaVAE, LatentModel or a sequence of LatentModel
    X : array-like, (sample, ...)
    n_chains : int
        Two or more, a sample.
    n_temperatures : int
        K, steps of the path; costs 10 K passes of the decoder a chain, with gradients for HMC, half of them the pilot.
    transition : {"hmc", "walk"}
        Hamiltonian moves of 5 leapfrog steps, or 5 random-walk Metropolis steps without gradients.
    start : {"prior", "encoder"}
        r(z). A good encoder shortens the path; a bad one is as safe as the prior only in its bounds, not its spread.
    random_state : int, Generator or None
    verbose : bool
    """
    models, states = resolve_replicas(vae, X)
    rules = _Rules.checked(n_chains, n_temperatures, transition, start)
    seed, portion = entropy_of(random_state), max(1, ROWS // n_chains)
    parts = states.split(portion)
    weights, rates = np.empty((len(models), n_chains, len(states))), np.empty((len(models), len(parts)))
    with reading(vae), Progress(len(models) * len(parts), "annealing", enabled=verbose) as progress:
        for r, model in enumerate(models):
            generator = torch_stream(seed, "evidence/annealed", r)
            for i, x in enumerate(parts):
                path = _Path.of(model, x, start)
                steps = _pilot(path, rules, generator)
                found, rates[r, i] = _forward(path, rules, steps, generator)
                weights[r, :, i * portion : i * portion + len(x)] = found.cpu().numpy()
                progress.advance()
    return _annealed(weights, rates.mean(axis=1))


def sandwich(
    vae: Replicas,
    n_samples: int = 100,
    n_chains: int = 16,
    n_temperatures: int = 100,
    *,
    transition: str = "hmc",
    start: str = "prior",
    random_state: Seed = 0,
    verbose: bool = False,
) -> Sandwich:
    """Return both bounds of ln p(x) on `n_samples` data simulated from every replica (bidirectional Monte Carlo).

    A small gap vouches for `annealed` with the same settings on data like the simulated ones.

    Source: Grosse, Ghahramani and Adams 2015 (arXiv:1511.02543); Wu et al. 2017 (ICLR), section 3.

    Parameters
    ----------
    vae, n_chains, n_temperatures, transition, start, random_state, verbose
        As `annealed`.
    n_samples : int
        Two or more.

    Raises
    ------
    ValueError
        For counts with ``library="observed"``: drawn at one library and weighed at each datum's own total, drawn data
        are no data of that density.
    """
    models = resolve_models(vae)
    if not models[0].likelihood.is_normalised:
        raise ValueError(
            "sandwich needs data drawn from the density that is weighed, and the likelihood of counts with "
            "library='observed' weighs each datum at its own total: train with "
            "NegativeBinomialLikelihood(library='none'), or compare models by annealed or importance on real data"
        )
    rules = _Rules.checked(n_chains, n_temperatures, transition, start)
    check_positive_integer(n_samples, "n_samples", 2)
    seed, dim = entropy_of(random_state), _dimension(vae, models[0])
    data, bounds, rates = [], np.empty((2, len(models), n_samples)), []
    with reading(vae), Progress(len(models) * n_samples, "annealing both ways", enabled=verbose) as progress:
        for r, model in enumerate(models):
            generator = torch_stream(seed, "evidence/sandwich", r)
            z, states = _simulated(model, n_samples, dim, generator)
            data.append(model.likelihood.values(states.cpu()).numpy())
            accepted = []
            for rows in torch.arange(n_samples).split(max(1, ROWS // n_chains)):
                path = _Path.of(model, states[rows], start)
                steps = _pilot(path, rules, generator)
                up, rate = _forward(path, rules, steps, generator)
                down = _reverse(path, rules, steps, path.whiten(z[rows]), generator)
                bounds[:, r, rows] = torch.stack([_log_mean(up), -_log_mean(-down)]).cpu().numpy()
                accepted.append(rate)
                progress.advance(len(rows))
            rates.append(float(np.mean(accepted)))
    return Sandwich(np.stack(data), bounds[0], bounds[1], np.array(rates))


@dataclass(frozen=True)
class _Rules:
    """How the chains move: schedule (temperature + 1,), number of chains, kernel."""

    n_chains: int
    schedule: NDArray[np.float64]
    transition: str

    @staticmethod
    def checked(n_chains: int, n_temperatures: int, transition: str, start: str) -> _Rules:
        check_positive_integer(n_chains, "n_chains", 2)
        check_positive_integer(n_temperatures, "n_temperatures", 2)
        check_choice(transition, tuple(_TARGET), "transition")
        check_choice(start, ("prior", "encoder"), "start")
        s = 1.0 / (1.0 + np.exp(-np.linspace(-_STEEPNESS, _STEEPNESS, n_temperatures + 1)))
        return _Rules(n_chains, (s - s[0]) / (s[-1] - s[0]), transition)


class _State(NamedTuple):
    """Where the chains are: u (chain, sample, latent), Delta (chain, sample) and its gradient in u."""

    u: Tensor
    delta: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class _Path:
    """From N(0, 1) in u to p(z) p(x|z) with z = mean + scale u: ln pi_t(u) = -|u|^2 / 2 + t Delta(u)."""

    model: LatentModel
    x: Tensor
    mean: Tensor
    scale: Tensor

    @staticmethod
    def of(model: LatentModel, x: Tensor, start: str) -> _Path:
        mean, scale = (part.double() for part in model.posterior(x))
        if start == "prior":
            mean, scale = torch.zeros_like(mean), torch.ones_like(scale)
        return _Path(model, x, mean, scale)

    def whiten(self, z: Tensor) -> Tensor:
        return (z - self.mean) / self.scale

    def at(self, u: Tensor, with_gradient: bool) -> _State:
        """Return Delta = ln p(x|z) + ln p(z) + ln |scale| - ln N(u; 0, 1), with its gradient or zeros."""
        with torch.set_grad_enabled(with_gradient):
            u = u.detach().requires_grad_(with_gradient)
            z = self.mean + self.scale * u
            start = -0.5 * (u.square() + LN_2PI).sum(-1) - self.scale.log().sum(-1)
            delta = log_likelihood(self.model, self.x, z) + log_normal(z) - start
            gradient = torch.autograd.grad(delta.sum(), u)[0] if with_gradient else torch.zeros_like(u)
        return _State(u.detach(), delta.detach(), gradient)

    def begin(self, u: Tensor, rules: _Rules) -> _State:
        return self.at(u, rules.transition == "hmc")

    def draws(self, rules: _Rules, generator: torch.Generator) -> Tensor:
        return _normal((rules.n_chains, *self.mean.shape), generator, self.mean)


def _pilot(path: _Path, rules: _Rules, generator: torch.Generator) -> Tensor:
    """Return step sizes (temperature + 1, sample), tuned while chains that are then forgotten go forward."""
    state = path.begin(path.draws(rules, generator), rules)
    step = torch.full(path.mean.shape[:1], 0.5, dtype=torch.float64, device=path.mean.device)
    steps = [step]
    for t in rules.schedule[1:]:
        state, accepted = _move(path, rules, state, float(t), step, generator)
        step = (step * torch.exp(_GAIN * (accepted - _TARGET[rules.transition]))).clamp(*_STEPS)
        steps.append(step)
    return torch.stack(steps)


def _forward(path: _Path, rules: _Rules, steps: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
    """Return ln w (chain, sample) of chains from the start to the posterior, and the share of accepted moves."""
    state = path.begin(path.draws(rules, generator), rules)
    log_w, accepted = torch.zeros_like(state.delta), []
    for k in range(1, len(rules.schedule)):
        log_w += (rules.schedule[k] - rules.schedule[k - 1]) * state.delta
        if k < len(rules.schedule) - 1:
            state, rate = _move(path, rules, state, float(rules.schedule[k]), steps[k], generator)
            accepted.append(float(rate.mean()))
    return log_w, float(np.mean(accepted))


def _reverse(path: _Path, rules: _Rules, steps: Tensor, u: Tensor, generator: torch.Generator) -> Tensor:
    """Return ln w (chain, sample) of the same path walked back from exact posterior draws u (sample, latent)."""
    state = path.begin(u.expand(rules.n_chains, *u.shape).contiguous(), rules)
    log_w = torch.zeros_like(state.delta)
    for k in range(len(rules.schedule) - 1, 0, -1):
        log_w += (rules.schedule[k] - rules.schedule[k - 1]) * state.delta
        if k > 1:
            state, _ = _move(path, rules, state, float(rules.schedule[k - 1]), steps[k - 1], generator)
    return log_w


def _move(
    path: _Path, rules: _Rules, state: _State, t: float, step: Tensor, generator: torch.Generator
) -> tuple[_State, Tensor]:
    """Move every chain by a kernel that keeps pi_t; returns the share accepted, (sample,)."""
    return (_hamiltonian if rules.transition == "hmc" else _walk)(path, state, t, step, generator)


def _hamiltonian(
    path: _Path, state: _State, t: float, step: Tensor, generator: torch.Generator
) -> tuple[_State, Tensor]:
    jitter = 0.8 + 0.4 * torch.rand(1, generator=generator, dtype=torch.float64).item()  # no closed orbits
    e = (jitter * step)[:, None]
    momentum = _normal(state.u.shape, generator, state.u)
    new, p = state, momentum
    for _ in range(_LEAPFROGS):
        p = p + 0.5 * e * (t * new.gradient - new.u)
        new = path.at(new.u + e * p, True)
        p = p + 0.5 * e * (t * new.gradient - new.u)
    kinetic = 0.5 * (momentum.square() - p.square()).sum(-1)
    return _accept(state, new, t, kinetic, generator)


def _walk(path: _Path, state: _State, t: float, step: Tensor, generator: torch.Generator) -> tuple[_State, Tensor]:
    rates = []
    for _ in range(_WALKS):
        new = path.at(state.u + step[:, None] * _normal(state.u.shape, generator, state.u), False)
        state, accepted = _accept(state, new, t, torch.zeros_like(state.delta), generator)
        rates.append(accepted)
    return state, torch.stack(rates).mean(0)


def _accept(old: _State, new: _State, t: float, kinetic: Tensor, generator: torch.Generator) -> tuple[_State, Tensor]:
    """Metropolis' rule for pi_t; a proposal of no finite density is refused."""
    gain = t * (new.delta - old.delta) - 0.5 * (new.u.square() - old.u.square()).sum(-1) + kinetic
    gain = torch.nan_to_num(gain, nan=-math.inf)
    uniform = torch.rand(gain.shape, generator=generator, dtype=torch.float64).to(gain.device)
    accept = uniform.log() < gain
    kept = _State(
        torch.where(accept[..., None], new.u, old.u),
        torch.where(accept, new.delta, old.delta),
        torch.where(accept[..., None], new.gradient, old.gradient),
    )
    return kept, accept.double().mean(0)


def _simulated(model: LatentModel, n: int, dim: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return z* ~ p(z) (sample, latent) and states x ~ p(x|z*), on the model's device; z* is a draw of p(z|x)."""
    z, device = torch.randn(n, dim, generator=generator), device_of(model)
    fields = torch.cat([model.fields(part.to(device)).cpu() for part in z.split(ROWS)])
    return z.double().to(device), model.likelihood.draw(fields, generator).to(device)


def _normal(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(like.device)


def _log_mean(log_w: Tensor) -> Tensor:
    return log_w.logsumexp(0) - math.log(len(log_w))


def _annealed(weights: NDArray[np.float64], acceptance: NDArray[np.float64]) -> Annealed:
    n = weights.shape[1]
    log_w = torch.from_numpy(weights).movedim(1, 0)
    mean = _log_mean(log_w)
    ess = (n * torch.exp(2.0 * mean - _log_mean(2.0 * log_w))).clamp_max(float(n))
    error = ((n / ess - 1.0) / (n - 1.0)).sqrt()
    return Annealed(mean.numpy(), ess.numpy(), error.numpy(), acceptance, weights)


def _dimension(vae: Replicas, model: LatentModel) -> int:
    """Return the number of latents, from the estimator or from the decoder's first weights."""
    known = getattr(vae, "latent_dim", None)
    if known is not None:
        return int(known)
    first = next((p for p in model.decoder.parameters() if p.ndim == 2), None)
    if first is None:
        raise ValueError("the decoder has no linear layer to read the number of latents from; set vae.latent_dim")
    return int(first.shape[1])
