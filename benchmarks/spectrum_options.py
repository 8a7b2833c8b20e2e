"""What else the energies of a latent space could be made of: another metric, other weights, draws.

    E[f] = 1/2 E_w[grad f^T M grad f] / E_w f^2

`zm.LatentSpectrum` takes M = 1 and equal weights w at the posterior means. The options, on the same spaces and in the
same basis, each judged by what retrainings make of it:

    metric    M = G^-1, G = J^T J the pull-back metric of the decoder (its Fisher metric: unit variance) at the mean;
              (1 + G)^-1, the posterior's covariance; the mean of this over samples; the covariance of the codes
              (levels in whitened codes); all with tr M = d on average. Mean variance of the codes: E without a scale
    weights   prod_a 1/scale_a and its square root; p(z)/q(z) and its square root, p = N(0, 1) and q a Gaussian mixture
              or that of the 20th neighbour, cut at the 99th percentile: the prior as reference measure
    draws     four from every posterior, in place of the mean

Columns: agreement of the first k - 1 states over retrainings (mean cosine of the principal angles; mean and worst
pair), ARI of the k sets against the classes, relative spread of E_1 .. E_{k-1} over retrainings, the share of the
samples that the weights leave, (sum w)^2 / (N sum w^2), the energies in units of the default's; on how many sets
retrainings agree better than by default, and on how many the energies spread less.

    python benchmarks/spectrum_options.py [--sets k3s11 ...] [--folder FOLDER]

Four trainings a set (data: `zm.data.load("classes", n_classes=k, seed=s)` for the set "k<k>s<s>"), kept in --folder.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from scipy.spatial import cKDTree
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

import zeeman as zm
from zeeman.base.random import stream
from zeeman.base.store import atomic_path
from zeeman.hamiltonians import (
    MixturePotential,
    NormalizedMixture,
    Union,
    fit_mixture,
)
from zeeman.hamiltonians.bases import SampleBasis
from zeeman.replicas.subspaces import subspace_agreement
from zeeman.spectrum.localized import localize
from zeeman.spectrum.resolution import carried_levels

REPLICAS, DRAWS, NEIGHBOUR = 4, 4, 20
RIDGE = 1e-2  # of the mean eigenvalue of G: an axis that the decoder does not use has none
SAME = 1e-5  # rounding moves no number by as much
HEAD = (
    "option",
    "agreement, mean / worst pair",
    "ARI",
    "spread of E",
    "samples left",
    "E / default",
    "agree better",
    "spread less",
)
NAMES = {"sets": "Functions of the mixture", "landmarks": "Functions at the landmarks"}
SETS = [f"k{k}s{s}" for s in (11, 5) for k in (3, 4, 5)]


@dataclass(frozen=True)
class Space:
    """One training: means and widths (sample, latent), G (sample, latent, latent), and its default spectrum."""

    Z: np.ndarray
    scale: np.ndarray
    G: np.ndarray
    truth: np.ndarray
    spec: zm.LatentSpectrum
    bases: dict[str, SampleBasis]


@dataclass(frozen=True)
class Measure:
    """The functions of `basis` under another metric and other weights, over any points; solved as any basis is."""

    basis: SampleBasis
    points: np.ndarray
    metric: np.ndarray
    weights: np.ndarray

    @property
    def constant(self) -> np.ndarray:
        """Coefficients of f = 1."""
        return self.basis.constant

    def apply(self, Z: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Sums of the functions at Z, (sample, state)."""
        return self.basis.apply(Z, coefficients)

    def forms(self, Z: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """A and B over the points; no other samples and weights are looked at."""
        w, A, B = self.weights / self.weights.sum(), 0.0, 0.0
        for rows in np.array_split(np.arange(len(self.points)), max(1, len(self.points) // 1000)):
            slopes, values = self.basis.gradients(self.points[rows]), self.basis(self.points[rows])
            turned = np.einsum("nab,bnj->anj", self.metric[rows], slopes, optimize=True)
            turned *= w[rows, None]
            A = A + 0.5 * sum(a.T @ b for a, b in zip(slopes, turned, strict=True))
            B = B + values.T @ (w[rows, None] * values)
        return 0.5 * (A + A.T), B


def spaces(name: str, folder: Path) -> list[Space]:
    k, seed = (int(part) for part in name[1:].split("s"))
    kept = folder / f"{name}.npz"
    if not kept.exists():
        data = zm.data.load("classes", n_classes=k, seed=seed)
        vae = zm.BetaVAE(
            latent_dim=5, likelihood="gaussian", n_epochs=60, n_replicas=REPLICAS, random_state=0, verbose=True
        ).fit(data.X)
        codes = vae.encode(data.X)
        metrics = [pulled_back(model, Z) for model, Z in zip(vae.modules_, codes.mean, strict=True)]
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as path, open(path, "wb") as file:
            np.savez(file, mean=codes.mean, scale=codes.scale, metric=np.array(metrics), truth=data.labels)
    with np.load(kept, allow_pickle=False) as stored:
        found = {key: stored[key] for key in stored.files}
    parts = zip(found["mean"], found["scale"], found["metric"], strict=True)
    return [space(*part, found["truth"], k) for part in parts]


def pulled_back(model: torch.nn.Module, Z: np.ndarray) -> np.ndarray:
    """G = J^T J, (sample, latent, latent), J the derivative of the decoded means by z: exact, by forward mode."""
    z = torch.as_tensor(Z, dtype=torch.float32, device=next(model.parameters()).device)
    columns = [torch.func.jvp(model.fields, (z,), (e.expand_as(z),))[1].flatten(1) for e in torch.eye(z.shape[1])]
    J = torch.stack(columns, dim=-1).detach().double()
    return (J.mT @ J).cpu().numpy()


def space(mean: np.ndarray, scale: np.ndarray, G: np.ndarray, truth: np.ndarray, k: int) -> Space:
    Z = mean.astype(np.float64)
    spec = zm.LatentSpectrum(n_clusters=k, random_state=0, n_bootstrap=0).fit(Z)
    Z = Z - spec.center_
    return Space(Z, scale.astype(np.float64), G, truth, spec, {"sets": sets_of(Z, k), "landmarks": spec.landmarks_})


def sets_of(Z: np.ndarray, k: int, **settings) -> NormalizedMixture:
    """The mixture that LatentSpectrum proposes for k sets."""
    return fit_mixture(Z, k, 0, **settings)


def flat(space: Space, basis: SampleBasis) -> Measure:
    """The default: M = 1, equal weights, posterior means."""
    n, d = space.Z.shape
    return Measure(basis, space.Z, np.broadcast_to(np.eye(d), (n, d, d)), np.ones(n))


def with_metric(metric_of: Callable[[Space], np.ndarray]) -> Callable[[Space, SampleBasis], Measure]:
    """M of `metric_of`, tr M = d on average."""

    def option(space: Space, basis: SampleBasis) -> Measure:
        M = np.broadcast_to(metric_of(space), space.G.shape)
        return replace(flat(space, basis), metric=M * M.shape[1] / np.trace(M, axis1=1, axis2=2).mean())

    return option


def with_weights(weights_of: Callable[[Space], np.ndarray]) -> Callable[[Space, SampleBasis], Measure]:
    return lambda space, basis: replace(flat(space, basis), weights=weights_of(space))


def pull_back(space: Space) -> np.ndarray:
    d = space.G.shape[1]
    ridge = RIDGE * np.trace(space.G, axis1=1, axis2=2).mean() / d
    return np.linalg.inv(space.G + ridge * np.eye(d))


def posterior(space: Space) -> np.ndarray:
    return np.linalg.inv(space.G + np.eye(space.G.shape[1]))


def scale_free(space: Space, basis: SampleBasis) -> Measure:
    measure = flat(space, basis)
    return replace(measure, metric=measure.metric * space.Z.var(axis=0).mean())


def drawn(space: Space, basis: SampleBasis) -> Measure:
    noise = stream(0, "noise").standard_normal((DRAWS, *space.Z.shape))
    points = (space.Z + space.scale * noise).reshape(-1, space.Z.shape[1])
    n, d = points.shape
    return Measure(basis, points, np.broadcast_to(np.eye(d), (n, d, d)), np.ones(n))


def widths(space: Space, power: float) -> np.ndarray:
    return np.exp(-power * np.log(space.scale).sum(axis=1))


def prior(space: Space, power: float, density: str) -> np.ndarray:
    """(p/q)^power, cut at the 99th percentile."""
    Z, d = space.Z, space.Z.shape[1]
    if density == "mixture":
        q = sets_of(Z, len(np.unique(space.truth)), shrinkage=0.0)
        log_q = MixturePotential(q.shares, q.means, q.covariances).log_density(Z)
    else:
        log_q = -d * np.log(cKDTree(Z).query(Z, NEIGHBOUR + 1)[0][:, -1])
    logs = -0.5 * ((Z + space.spec.center_) ** 2).sum(axis=1) - log_q
    return np.exp(power * np.minimum(logs - logs.max(), np.quantile(logs - logs.max(), 0.99)))


OPTIONS: dict[str, Callable[[Space, SampleBasis], Measure]] = {
    "default": flat,
    "pull-back G^-1": with_metric(pull_back),
    "(1 + G)^-1": with_metric(posterior),
    "mean (1 + G)^-1": with_metric(lambda space: posterior(space).mean(axis=0)),
    "whitened codes": with_metric(lambda space: np.cov(space.Z, rowvar=False)),
    "without a scale": scale_free,
    "weights 1/width": with_weights(partial(widths, power=1.0)),
    "their square root": with_weights(partial(widths, power=0.5)),
    "posterior draws": drawn,
    "prior/q, mixture": with_weights(partial(prior, power=1.0, density="mixture")),
    "prior/q, neighbours": with_weights(partial(prior, power=1.0, density="neighbours")),
    "(prior/q)^1/2, mixture": with_weights(partial(prior, power=0.5, density="mixture")),
}


def orthonormal(states: np.ndarray) -> np.ndarray:
    """The span of the states, constant included, orthonormal under equal weights, the constant first."""
    left = np.linalg.qr(np.column_stack([np.ones(len(states)), states[:, 1:]]))[0]
    return left * np.sqrt(len(states)) * np.sign(left[0, 0])


def judged(option: Callable[[Space, SampleBasis], Measure], kind: str, retrained: list[Space], k: int) -> dict:
    """One option in one basis on the retrainings of one set."""
    measures = [option(each, each.bases[kind]) for each in retrained]
    found = [carried_levels(m, each.Z, k) for m, each in zip(measures, retrained, strict=True)]
    states = [orthonormal(f.states) for f in found]
    energies = np.array([f.levels.energies[1:] for f in found])
    labels = [np.argmax(f @ localize(f), axis=1) for f in states]
    return {
        "energies": energies.mean(axis=0),
        "pairs": [subspace_agreement(a[:, 1:], b[:, 1:]) for a, b in combinations(states, 2)],
        "ari": [adjusted_rand_score(each.truth, own) for each, own in zip(retrained, labels, strict=True)],
        "spread": (energies.std(axis=0, ddof=1) / energies.mean(axis=0)).tolist(),
        "left": [m.weights.sum() ** 2 / (len(m.weights) * (m.weights**2).sum()) for m in measures],
    }


def options_table(names: list[str], folder: Path) -> str:
    results: dict[tuple[str, str], list[dict]] = {(kind, o): [] for kind in ("sets", "landmarks") for o in OPTIONS}
    every = []
    for name in names:
        retrained, k = spaces(name, folder), int(name[1])
        every += [each.spec for each in retrained]
        for kind, option in results:
            results[kind, option].append(judged(OPTIONS[option], kind, retrained, k))
            print(name, kind, option, summary([results[kind, option][-1]]), flush=True)
    mixture = sum(isinstance(s.basis_, Union) for s in every)
    inner, outliers = (sum(map(bool, (getattr(s, a) for s in every))) for a in ("inner_states_", "outlier_states_"))
    lines = [f"{len(every)} spaces; mixture taken on {mixture}, states inside a set put aside on {inner}, on isolated"]
    lines += [f"samples on {outliers}.", ""]
    for kind in ("sets", "landmarks"):
        lines += [f"{NAMES[kind]}:", "", f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
        for option in OPTIONS:
            rows = results[kind, option]
            lines.append(f"| {option} | {summary(rows)} | {won(rows, results[kind, 'default'])} |")
        lines.append("")
    return "\n".join(lines)


def won(rows: list[dict], default: list[dict]) -> str:
    """Energies over the default's; on how many sets retrainings agree better, on how many the energies spread less."""
    if rows is default:
        return "1 | | "
    pairs = zip(rows, default, strict=True)
    better = [
        [np.mean(own["pairs"]) > np.mean(old["pairs"]) + SAME, np.mean(own["spread"]) < np.mean(old["spread"]) - SAME]
        for own, old in pairs
    ]
    ratio = np.mean(np.concatenate([own["energies"] / old["energies"] for own, old in zip(rows, default, strict=True)]))
    return " | ".join([f"{ratio:.2f}", *(f"{count} of {len(rows)}" for count in np.sum(better, axis=0))])


def summary(rows: list[dict]) -> str:
    pairs, ari, spread, left = (np.concatenate([row[c] for row in rows]) for c in ("pairs", "ari", "spread", "left"))
    spread = f"{100 * spread.mean():.1f} %"
    return f"{pairs.mean():.4f} / {pairs.min():.4f} | {ari.mean():.3f} | {spread} | {left.mean():.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--folder", type=Path, default=Path("runs/spectrum"))
    given = parser.parse_args()
    start = time.process_time()
    with threadpool_limits(1):
        print(options_table(given.sets, given.folder))
    print(signature(start))


def signature(start: float) -> str:
    """Machine, date and processor time since `start`."""
    return f"{platform.machine()}, {time.strftime('%Y-%m-%d')}, {time.process_time() - start:.0f} s of processor time"


if __name__ == "__main__":
    main()
