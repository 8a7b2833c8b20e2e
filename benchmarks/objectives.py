"""What other objectives, and the spectrum as a regulariser, do to a latent space: five retrainings of each.

    python benchmarks/objectives.py --out objectives.json        (one core, some minutes)

The review of paper 000 would be convinced by fewer collapsed dimensions or better reconstructions. So, on held-out
samples: active units, reconstruction, ln p(x) by importance sampling, clusters, and the agreement of retrainings axis
by axis, of PCA's plane and of the canonical coordinates' plane. Per-replica columns are mean (sd) over replicas,
agreements mean (sd) over pairs of replicas, which are not independent. A Gaussian without classes shows what the
regulariser makes of nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from itertools import combinations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import ortho_group
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from zeeman.data import load
from zeeman.spectrum import LatentSpectrum
from zeeman.vae import BetaVAE, ImportanceWeighted, LowLevels

SETTINGS: dict[str, dict] = {
    "classes": {"latent_dim": 10, "n_epochs": 30, "sets": 3, "plane": 2, "weights": (3.0, 30.0)},
    "digits": {"latent_dim": 8, "n_epochs": 40, "sets": 10, "plane": 4, "weights": (0.3, 3.0)},
    # one Gaussian with the covariance of "classes"
    "no classes": {"latent_dim": 10, "n_epochs": 30, "sets": 3, "plane": 2, "weights": (3.0, 30.0)},
}
MMD_WEIGHT = 100.0
ACTIVE = 0.01  # variance of the mean over data (Burda et al. 2016, section 5)


def variants(sets: int, weights: tuple[float, ...]) -> dict[str, dict]:
    landmarks = max(16, 2 * sets)
    rows: dict[str, dict] = {"elbo": {}}
    for w in weights:
        rows[f"elbo + {w:g} S"] = {"regulariser": LowLevels(w, n_states=sets, n_landmarks=landmarks)}
    return {
        **rows,
        "iwae, K = 5": {"objective": ImportanceWeighted(k=5)},
        f"mmd, weight {MMD_WEIGHT:g}": {"objective": "mmd", "beta": MMD_WEIGHT},
        "plain": {"objective": "plain"},
    }


def matched(a: np.ndarray, b: np.ndarray) -> float:
    """Mean |correlation| of active axes under the best matching."""
    a, b = (z[:, z.var(axis=0) > ACTIVE] for z in (a, b))
    table = np.abs(np.corrcoef(a.T, b.T)[: a.shape[1], a.shape[1] :])
    return float(table[linear_sum_assignment(-table)].mean())


def same_plane(a: np.ndarray, b: np.ndarray) -> float:
    """Mean cosine of the principal angles between the spans of two sets of columns, over samples."""
    bases = [np.linalg.qr(columns - columns.mean(axis=0))[0] for columns in (a, b)]
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).mean())


def rotation_null(dim: int, draws: int = 200) -> float:
    """Matched |correlation| of white codes with themselves, randomly rotated."""
    turns = ortho_group.rvs(dim, size=draws, random_state=0) if dim > 1 else np.ones((draws, 1, 1))
    return float(np.mean([abs(Q)[linear_sum_assignment(-abs(Q))].mean() for Q in turns]))


def explained(vae: BetaVAE, r: int, X: np.ndarray, Z: np.ndarray) -> float:
    """Held-out share of the variance of X that the decoded means explain."""
    with torch.no_grad():
        model = vae.modules_[r]
        found = model.likelihood.distribution(model.fields(torch.from_numpy(Z))).mean.numpy()
    return float(1 - np.square(X - found).sum() / np.square(X - X.mean(axis=0)).sum())


def read(name: str) -> tuple[np.ndarray, np.ndarray]:
    """X and labels; all labels the same where there are no classes."""
    data = load("classes" if name == "no classes" else name)
    X, labels = np.asarray(data.X, np.float32), np.asarray(data.labels)
    if name == "no classes":
        drawn = np.random.default_rng(0).multivariate_normal(X.mean(axis=0), np.cov(X.T), len(X), method="eigh")
        return drawn.astype(np.float32), np.zeros(len(X), dtype=int)
    return X, labels


def agreement_with(labels: np.ndarray, found: np.ndarray) -> float:
    """Adjusted Rand index, nan where there are no classes to agree with."""
    return float(adjusted_rand_score(labels, found)) if np.ptp(labels) else float("nan")


def one_replica(
    vae: BetaVAE, r: int, train: np.ndarray, test: np.ndarray, X: np.ndarray, labels: np.ndarray, settings: dict
):
    sets, k = settings["sets"], settings["plane"]
    spec = LatentSpectrum(n_states=sets + 2, random_state=0, n_landmarks=100, n_bootstrap=0).fit(train)
    spread = np.linalg.eigvalsh(np.cov(test.T))
    guess = KMeans(sets, n_init=5, random_state=0).fit(train).predict(test)
    numbers = {
        "active units": int((test.var(axis=0) > ACTIVE).sum()),
        "participation": float(spread.sum() ** 2 / np.square(spread).sum()),
        "explained": explained(vae, r, X, test),
        "scaled levels": float(spec.energies_[:sets].sum() * train.var(axis=0).mean()),
        "n_clusters": spec.n_clusters_,
        "ARI": agreement_with(labels, spec.predict(test)),
        "ARI k-means, k given": agreement_with(labels, guess),
    }
    planes = {"states": spec.transform(test)[:, :k], "pca": PCA(k).fit(train).transform(test)}
    return numbers, planes


def row(options: dict, name: str, X: np.ndarray, labels: np.ndarray, replicas: int, epochs: int | None) -> dict:
    settings = SETTINGS[name]
    order = np.random.default_rng(0).permutation(len(X))
    held_out, rest = order[: len(X) // 5], order[len(X) // 5 :]
    start = time.process_time()
    vae = BetaVAE(
        latent_dim=settings["latent_dim"], likelihood="gaussian", n_epochs=epochs or settings["n_epochs"],
        n_replicas=replicas, random_state=0, n_threads=1, precision="float32", **options,
    ).fit(X[rest])  # fmt: skip
    trained = time.process_time() - start
    train, test = (vae.encode(X[rows]).mean for rows in (rest, held_out))
    evidence = vae.log_likelihood(X[held_out], n_importance=200).mean(axis=1)
    singles, planes = [], []
    for r in range(replicas):
        numbers, plane = one_replica(vae, r, train[r], test[r], X[held_out], labels[held_out], settings)
        singles.append({**numbers, "ln p(x)": float(evidence[r])})
        planes.append(plane)
    pairs = list(combinations(range(replicas), 2))
    return {
        **{key: [one[key] for one in singles] for key in singles[0]},
        "axes, matched": [matched(test[a], test[b]) for a, b in pairs],
        "PCA plane": [same_plane(planes[a]["pca"], planes[b]["pca"]) for a, b in pairs],
        "states' plane": [same_plane(planes[a]["states"], planes[b]["states"]) for a, b in pairs],
        "seconds to train": trained,
    }


COLUMNS = {
    "active units": ".1f", "participation": ".1f", "explained": ".3f", "ln p(x)": ".1f", "axes, matched": ".2f",
    "PCA plane": ".3f", "states' plane": ".3f", "scaled levels": ".3f", "n_clusters": ".1f", "ARI": ".2f",
    "ARI k-means, k given": ".2f",
}  # fmt: skip


def table(rows: dict[str, dict]) -> str:
    """Markdown, a row for every measure."""
    lines = [f"| | {' | '.join(rows)} |", f"|---{'|---' * len(rows)}|"]
    for column, form in COLUMNS.items():
        lines.append(f"| {column} | {' | '.join(_cell(values[column], form) for values in rows.values())} |")
    return "\n".join(lines)


def _cell(values: list[float], form: str) -> str:
    return "-" if np.isnan(values).any() else f"{np.mean(values):{form}} ({np.std(values, ddof=1):{form}})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--weights", nargs="+", type=float, help="of the regulariser")
    parser.add_argument("--replicas", type=int, default=5, help="at least 3")
    parser.add_argument("--epochs", type=int, help="instead of 30 (40 for digits)")
    parser.add_argument("--start", default="random", help="of the encoders, random or pca")
    parser.add_argument("--only", help="rows whose name begins so")
    parser.add_argument("--out", help="JSON file")
    options = parser.parse_args()
    results: dict = {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, torch {torch.__version__}",
        "date": time.strftime("%Y-%m-%d"), "settings": SETTINGS,
    }  # fmt: skip
    for name in options.data:
        settings = SETTINGS[name]
        X, labels = read(name)
        rows: dict = {}
        for kind, change in variants(settings["sets"], options.weights or settings["weights"]).items():
            if kind.startswith(options.only or ("elbo" if name == "no classes" else "")):
                rows[kind] = row({**change, "start": options.start}, name, X, labels, options.replicas, options.epochs)
                print(f"{name}: {kind}: {rows[kind]['seconds to train']:.0f} s of training", flush=True)
        results[name] = {"rows": rows, "axes_null": rotation_null(settings["latent_dim"])}
        print(
            f"\n{name} (a random rotation of all axes: {results[name]['axes_null']:.2f})\n\n{table(rows)}\n", flush=True
        )
    if options.out:
        with open(options.out, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
