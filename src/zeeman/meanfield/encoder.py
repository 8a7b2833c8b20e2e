"""The role of beta: the encoder that is optimal for a given decoder, and how far a trained one is from it.

For fixed p(x|z) the loss of eq. 4 (paper 002) is least at (eq. 12)

    q*(z|x) = p(z) p(x|z)^(1/beta) / Z_x,    Z_x = int p(z) p(x|z)^(1/beta) dz,

where it equals -beta <ln Z_x>; for any other q, exactly,

    loss(q) = -beta <ln Z_x> + beta <KL[q(z|x) || q*(z|x)]>.

beta is a temperature: q* is the Boltzmann distribution of the energy -ln p(x|z) over the prior, -beta ln Z_x its free
energy. Integrals by quadrature, for one to three latents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from zeeman.base.brief import brief
from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.progress import Progress
from zeeman.meanfield.families import sites_of
from zeeman.meanfield.quadrature import Integrals, common_nodes, integrate_common, integrate_local
from zeeman.meanfield.replica import check_beta, replica_of
from zeeman.training import evaluating
from zeeman.vae import BetaVAE, LatentModel, gaussian_kl
from zeeman.vae.inputs import configurations

__all__ = ["RULES", "OptimalEncoder", "encoder_of_model", "optimal_encoder"]

RULES = ("auto", "grid", "local")
Array = NDArray[np.float64]
_PORTION = 512  # codes decoded at once
_MOST_NUMBERS = 4e7  # fields of the common nodes, kept in memory
_MANY_NODES = 20_000  # beyond, nodes about each posterior are fewer
_AT_ONCE = 2e6  # numbers of one portion of samples times nodes times latents


@brief
@dataclass(frozen=True)
class OptimalEncoder:
    """q*(z|x) of a trained decoder beside the encoder that was trained with it; nats.

    Attributes
    ----------
    beta : float
    replica : int
    log_partition : ndarray, (sample,)
        ln Z_x.
    mean, covariance : ndarray, (sample, latent) and (sample, latent, latent)
        Of q*.
    rate, distortion : ndarray, (sample,)
        KL[q* || p(z)] and -<ln p(x|z)> under q*.
    trained_rate, trained_distortion : ndarray, (sample,)
        The same of the trained encoder.
    error : ndarray, (sample,)
        Bound of the quadrature's error in ln Z_x and in `kl` (the change on every second node).
    rule : str
        "grid" or "local".
    """

    beta: float
    replica: int
    log_partition: Array
    mean: Array
    covariance: Array
    rate: Array
    distortion: Array
    trained_rate: Array
    trained_distortion: Array
    error: Array
    rule: str

    @property
    def loss(self) -> float:
        """-beta <ln Z_x>: the loss of this decoder with its optimal encoder."""
        return float(-self.beta * self.log_partition.mean())

    @property
    def trained_loss(self) -> float:
        """Loss of this decoder with the encoder trained with it (eq. 4)."""
        return float((self.trained_distortion + self.beta * self.trained_rate).mean())

    @property
    def kl(self) -> Array:
        """KL[q_trained || q*] = q_trained's loss / beta + ln Z_x, (sample,)."""
        return self.trained_distortion / self.beta + self.trained_rate + self.log_partition

    @property
    def gap(self) -> float:
        """Beta <KL[q_trained || q*]>: what a better encoder would gain."""
        return float(self.beta * self.kl.mean())


def optimal_encoder(
    vae: BetaVAE,
    X: ArrayLike,
    beta: float | None = None,
    *,
    replica: int | None = None,
    rule: str = "auto",
    n_nodes: int | None = None,
    tolerance: float = 2e-2,
) -> OptimalEncoder:
    """Optimal encoder of a trained decoder by quadrature, its free energy, and its distance to the trained encoder.

    Parameters
    ----------
    vae : BetaVAE
        Fitted, with at most three latents.
    X : array-like, (sample, site...)
    beta : float, optional
        That of the training by default.
    replica : int, optional
        By default the one that `transform` uses.
    rule : {"auto", "grid", "local"}
        "grid": one set of nodes for all samples, decoded once; sees every mode of q*. "local": nodes about each trained
        posterior, moved to where q* is; for narrow posteriors, and blind to modes elsewhere. "auto": the grid
        while it has at most 20,000 nodes that fit into memory.
    n_nodes : int, optional
        Nodes an axis; by default from the widths of the trained posteriors.
    tolerance : float
        Nats. Largest change of ln Z_x and of the KL allowed when every second node is left out (a spacing twice as
        large: the error of the full sum is far smaller).

    Raises
    ------
    ValueError
        More than three latents; or a posterior narrower than the nodes: which sample, by how much, what would do.
    """
    number = replica_of(vae, replica)
    model = vae.modules_[number]
    check_choice(rule, RULES, "rule")
    if n_nodes is not None:
        check_positive_integer(n_nodes, "n_nodes", minimum=5)
    codes = vae.encode(X)  # refuses what does not fit
    states = model.likelihood.states(np.asarray(configurations(X)))
    posterior = (codes.mean[number].astype(np.float64), codes.scale[number].astype(np.float64))
    with evaluating(vae.engine_["threads"]):
        return encoder_of_model(
            model, states, posterior, check_beta(vae.beta if beta is None else beta),
            replica=number, rule=rule, n_nodes=n_nodes, tolerance=tolerance, progress=vae.verbose,
        )  # fmt: skip


def encoder_of_model(
    model: LatentModel,
    states: Tensor,
    posterior: tuple[Array, Array],
    beta: float,
    *,
    replica: int = 0,
    rule: str = "auto",
    n_nodes: int | None = None,
    tolerance: float = 2e-2,
    progress: bool = False,
) -> OptimalEncoder:
    """Compute the optimal encoder of a model in evaluation mode, for states as `Likelihood.states` gives them."""
    mean, scale = posterior
    n, d = mean.shape
    if d > 3:
        raise ValueError(f"quadrature over {d} latents is out of reach: at most 3; use `BetaVAE.log_likelihood`")
    axes = common_nodes(mean, scale, n_nodes)
    nodes = math.prod(len(axis) for axis in axes)
    per_node = math.prod(model.likelihood.site_shape(tuple(states.shape[1:]))) * model.likelihood.n_fields
    fits = nodes * per_node <= _MOST_NUMBERS
    if rule == "auto":
        rule = "grid" if fits and nodes <= _MANY_NODES else "local"
    if rule == "grid" and not fits:
        raise ValueError(
            f"the narrowest posterior, {scale.min():.2g}, asks for {nodes} common nodes of {per_node} fields, more "
            "than memory should hold; use rule='local', or set n_nodes"
        )
    with Progress(n, "optimal encoder", enabled=progress) as bar:
        if rule == "grid":
            found = _on_grid(model, states, mean, scale, beta, axes, bar)
        else:
            found = _locally(model, states, mean, scale, beta, n_nodes, bar)
    _check_resolved(found, scale, tolerance, rule)
    kl = gaussian_kl(torch.from_numpy(mean), torch.from_numpy(scale)).numpy()
    rate = found.expected / beta - found.log_Z
    return OptimalEncoder(
        beta, replica, found.log_Z, found.mean, found.covariance, rate, -found.expected, kl, -found.given, found.error,
        rule,
    )  # fmt: skip


def _on_grid(
    model: LatentModel, states: Tensor, mean: Array, scale: Array, beta: float, axes: list[Array], bar: Progress
) -> Integrals:
    sites = sites_of(model.likelihood)
    T = sites.statistics(model.likelihood.values(states).cpu().numpy())
    z = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    fields = _decode(model, z)
    portion = max(1, int(_AT_ONCE / z.size))
    parts = []
    for start in range(0, len(T), portion):
        rows = slice(start, start + portion)
        log_p = sites.log_prob(fields, T[rows])
        parts.append(integrate_common(axes, log_p, mean[rows], scale[rows], beta))
        bar.advance(len(log_p))
    return _joined(parts)


def _locally(
    model: LatentModel, states: Tensor, mean: Array, scale: Array, beta: float, n_nodes: int | None, bar: Progress
) -> Integrals:
    sites = sites_of(model.likelihood)
    T = sites.statistics(model.likelihood.values(states).cpu().numpy())
    flat = T.reshape(len(T), -1)
    rest = sites.rest_energy(T)

    def log_prob(rows: NDArray[np.intp], z: Array) -> Array:
        result = np.empty(z.shape[:2])
        for i, row in enumerate(rows):
            h = _decode(model, z[i])
            log_Z = sites.log_partition(h).reshape(len(h), -1).sum(axis=1)
            result[i] = h.reshape(len(h), -1) @ flat[row] - log_Z - rest[row]
        return result

    portion = max(1, int(_AT_ONCE / 1000))
    parts = []
    for start in range(0, len(mean), portion):
        chosen = np.arange(start, min(start + portion, len(mean)))

        def of_chosen(rows: NDArray[np.intp], z: Array, chosen: NDArray[np.intp] = chosen) -> Array:
            return log_prob(chosen[rows], z)

        parts.append(integrate_local(of_chosen, mean[chosen], scale[chosen], beta, n_nodes, bar.advance))
    return _joined(parts)


def _decode(model: LatentModel, z: Array) -> Array:
    """Effective fields at z, (node, site...[, state]), float64."""
    there = next(model.parameters()).device
    tensor = torch.from_numpy(z).to(dtype=torch.float32, device=there)
    return torch.cat([model.fields(part) for part in tensor.split(_PORTION)]).double().cpu().numpy()


def _joined(parts: list[Integrals]) -> Integrals:
    names = ("log_Z", "mean", "covariance", "expected", "given", "error")
    return Integrals(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _check_resolved(found: Integrals, scale: Array, tolerance: float, rule: str) -> None:
    worst = int(np.argmax(np.nan_to_num(found.error, nan=np.inf)))
    if found.error[worst] <= tolerance:
        return
    change = "did not settle" if np.isinf(found.error[worst]) else f"changes by {found.error[worst]:.2g} nats"
    remedy = "rule='local' or a larger n_nodes" if rule == "grid" else "rule='grid' or a larger n_nodes"
    bad = int((found.error > tolerance).sum())
    width = np.sqrt(np.abs(np.diagonal(found.covariance[worst])).min())
    raise ValueError(
        f"the posterior of sample {worst} is not resolved ({bad} such samples): its integral {change} with every "
        f"second node, more than tolerance = {tolerance:g} (width of the optimal posterior {width:.2g}, of the "
        f"trained one {scale[worst].min():.2g}); {remedy} would do"
    )
