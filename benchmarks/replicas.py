"""One story from many trainings: agreement of retrainings, number of clusters and energies, beside cheap frames.

Every set is trained five times (only seeds differ), read by `zm.lift` and weighed by `zm.degeneracy`:

    classes       k = 2, 3, 4, 5 Gaussian classes, 3,000 x 30 (paper 000's data), three data seeds each, d = 5
    two a class   two classes of two clusters each, d = 5
    digits        scikit-learn's digits, Gaussian likelihood, d = 8
    ising         FM, AFM and PM configurations of 32 x 32, an MLP, beta = 100, d = 2

Columns: agreement of the first k - 1 canonical coordinates as a subspace (mean cosine of principal angles, no paired
samples), in order with near-degenerate levels as blocks, lifted on held-out samples, localized states; the same of raw
axes, PCA and Procrustes; clusters found; ARI against the truth beside k-means and a Gaussian mixture, both told k;
relative spread of E_1 .. E_{k-1} over retrainings, and its sampling error.

    python benchmarks/replicas.py [--sets k3s4 digits ...] [--seeds 4 5 6] [--folder FOLDER] [--table FILE.md]

Codes are kept in FOLDER, so a stopped run goes on. About 90 s a set on two idle cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

import zeeman as zm
from zeeman.base.store import atomic_path

REPLICAS = 5


def sets(seeds: list[int]) -> dict[str, tuple]:
    """Name -> (load, settings of BetaVAE, true number of clusters)."""
    table = {"latent_dim": 5, "likelihood": "gaussian", "n_epochs": 114}
    found: dict[str, tuple] = {}
    for k in (2, 3, 4, 5):
        for seed in seeds:
            found[f"k{k}s{seed}"] = (lambda k=k, s=seed: classes(k, s), table, k)
    for seed in seeds:
        found[f"k2x2s{seed}"] = (lambda s=seed: two_a_class(s), table, 4)
    digits = {"latent_dim": 8, "likelihood": "gaussian", "network": "mlp", "n_epochs": 150}
    found["digits"] = (lambda: flat(zm.data.load("digits")), digits, 10)
    ising = {"latent_dim": 2, "network": "mlp", "beta": 100.0, "n_epochs": 15, "start": "pca"}
    found["ising"] = (phases, ising, 5)
    return found


def classes(k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    data = zm.data.load("classes", n_classes=k, seed=seed)
    return data.X, data.labels


def two_a_class(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of two clusters; the labels are the clusters, which scikit-learn makes one after another."""
    X, _ = make_classification(
        n_samples=n, n_features=30, n_informative=8, n_redundant=8, n_classes=2, n_clusters_per_class=2,
        class_sep=2.0, shuffle=False, random_state=seed,
    )  # fmt: skip
    order = np.random.default_rng(seed).permutation(n)
    return X[order].astype(np.float32), (np.arange(n) * 4 // n)[order]


def flat(data: zm.data.Loaded) -> tuple[np.ndarray, np.ndarray]:
    return data.X.reshape(len(data.X), -1), data.labels


def phases() -> tuple[np.ndarray, np.ndarray]:
    ds = zm.data.three_phases(32, 12_000, 0)
    return ds["configuration"].values, ds["state"].values.astype(str)


def codes_of(name: str, load, settings: dict, folder: Path) -> dict[str, np.ndarray]:
    kept = folder / f"{name}.npz"
    if not kept.exists():
        X, truth = load()
        vae = zm.BetaVAE(n_replicas=REPLICAS, random_state=0, verbose=True, **settings).fit(X)
        codes = vae.encode(X)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as path, open(path, "wb") as file:
            np.savez(file, mean=codes.mean, scale=codes.scale, truth=truth, elbo=vae.elbo_)
    with np.load(kept, allow_pickle=False) as stored:
        return dict(stored)


def judged(name: str, kept: dict[str, np.ndarray], k: int) -> dict:
    codes, truth = zm.Codes(kept["mean"], kept["scale"]), kept["truth"]
    start = time.perf_counter()
    lifted = zm.lift(codes, n_states=max(10, k + 1), n_bootstrap=10, random_state=0)
    report = zm.degeneracy(codes, lifted=lifted, scores={"elbo": kept["elbo"]}, random_state=0)
    seconds = time.perf_counter() - start
    ours = [adjusted_rand_score(truth, labels) for labels in lifted.labels]
    means = [Z.astype(float) for Z in codes.mean]
    kmeans = [adjusted_rand_score(truth, KMeans(k, n_init=5, random_state=0).fit_predict(Z)) for Z in means]
    mixture = [adjusted_rand_score(truth, GaussianMixture(k, n_init=3, random_state=0).fit_predict(Z)) for Z in means]
    values, low = report.values, slice(1, max(2, lifted.n_clusters))
    energies = lifted.energies[:, low]
    energies = np.where(energies > lifted.energies[:, -1:] / len(truth), energies, np.nan)  # below: at zero
    return {
        "set": name, "k": k, "found": lifted.found.tolist(), "n_clusters": lifted.n_clusters,
        "subspace": _summary(values["energies"]["subspace_agreement"]),
        "in_order": _summary(values["energies"]["ordered_correlation"]),
        "lifted": _summary(values["lifted"]["ordered_correlation"]),
        "localized": _summary(report.localized),
        "raw_in_order": _summary(values["raw"]["ordered_correlation"]),
        "pca_subspace": _summary(values["PCA"]["subspace_agreement"]),
        "pca_in_order": _summary(values["PCA"]["ordered_correlation"]),
        "ica_in_order": _summary(values["ICA"]["ordered_correlation"]),
        "procrustes": _summary(values["Procrustes"]["ordered_correlation"]),
        "relative": _summary(values["relative"]["ordered_correlation"]),
        "ari": float(np.mean(ours)), "ari_kmeans": float(np.mean(kmeans)), "ari_mixture": float(np.mean(mixture)),
        "energy_spread": (energies.std(axis=0, ddof=1) / energies.mean(axis=0)).round(4).tolist(),
        "sampling_error": np.mean(lifted.energies_error[:, low] / energies, axis=0).round(4).tolist(),
        "blocks": lifted.blocks, "verdicts": report.kinds, "elbo": kept["elbo"].round(2).tolist(), "seconds": seconds,
        "paper_ari": printed(means[0], truth, k),
    }  # fmt: skip


def printed(Z: np.ndarray, truth: np.ndarray, k: int) -> float:
    """ARI of paper 000's energies, its objective as printed, cut into k by k-means."""
    net = zm.eigennet.EigenNet(objective="paper", random_state=0, n_epochs=10).fit(Z)
    energies = net.energies_of(Z).reshape(len(Z), -1)
    return float(adjusted_rand_score(truth, KMeans(k, n_init=5, random_state=0).fit_predict(energies)))


def _summary(values: np.ndarray) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "worst": float(np.min(values))}


def table(rows: list[dict]) -> str:
    """Markdown: mean / worst pair of each agreement."""
    columns = (
        "subspace",
        "in_order",
        "lifted",
        "localized",
        "raw_in_order",
        "pca_subspace",
        "pca_in_order",
        "procrustes",
    )
    head = [
        "set",
        "clusters found",
        *(c.replace("_", " ") for c in columns),
        "ARI",
        "k-means",
        "mixture",
        "spread of E",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [row["set"], " ".join(map(str, row["found"]))]
        cells += [f"{row[c]['mean']:.3f}\u00a0/\u00a0{row[c]['worst']:.3f}" for c in columns]
        cells += [f"{row[c]:.3f}" for c in ("ari", "ari_kmeans", "ari_mixture")]
        cells.append(
            ", ".join(
                f"{100 * s:.0f} ({100 * e:.0f}) %" if s == s else "at zero"
                for s, e in zip(row["energy_spread"], row["sampling_error"], strict=True)
            )
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--seeds", nargs="*", type=int, default=[4, 5, 6])
    parser.add_argument("--folder", type=Path, default=Path("runs/replicas"))
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    chosen, rows = sets(options.seeds), []
    for name in options.sets or chosen:
        load, settings, k = chosen[name]
        rows.append(judged(name, codes_of(name, load, settings, options.folder), k))
        print(json.dumps(rows[-1]), flush=True)
    classes_only = [row for row in rows if row["set"].startswith("k")]
    for column in ("subspace", "in_order", "lifted", "localized", "pca_subspace", "pca_in_order", "raw_in_order"):
        if classes_only:
            means, worst = [r[column]["mean"] for r in classes_only], [r[column]["worst"] for r in classes_only]
            print(
                f"{column}: mean {np.nanmean(means):.4f}, "
                f"worst setting {np.nanmin(means):.4f}, worst pair {np.nanmin(worst):.4f}"
            )
    text = f"{platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}\n\n{table(rows)}\n"
    print(text)
    if options.table:
        options.table.write_text(text)


if __name__ == "__main__":
    main()
