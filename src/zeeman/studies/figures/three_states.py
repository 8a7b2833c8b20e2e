"""Paper 002, Fig. 5: four phases of three-state spins in 2, 3 and 4 latent dimensions.

mu_c is the mean code of phase c (PM, P1, P2, P3). With d = 2 the paper sees P1, P2, P3 on a line and PM on an axis
across it; with d = 3 a tetrahedron whose edges PM-P are alike (Z3); with d = 4 a nearly block-diagonal cosine matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from zeeman.base.random import stream
from zeeman.data.synthetic import THREE_STATE_PHASES, THREE_STATE_PROBABILITIES, three_states
from zeeman.spectrum import LatentSpectrum
from zeeman.studies.figures._cosines import block_contrast, permuted_contrasts
from zeeman.studies.figures._three_states_optimum import best_codes
from zeeman.studies.figures.claims import Claim, Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size
from zeeman.vae import BetaVAE

__all__ = ["CAPTION", "CLAIMS", "TITLE", "compute", "draw"]

TITLE = "Three-state spins in two, three and four latent dimensions"
CAPTION = (
    "Independent three-state sites in four phases: disordered (PM) and polarized along each state (P1, P2, P3). "
    "(a) Codes for two latents. (b) Site probabilities decoded from prior draws, the three states mixed as colours. "
    "(c) Codes for three latents and the tetrahedron of the phase means. (d) Its edges, in units of their mean, for "
    "every seed, for the four Gaussian codes of lowest loss, and for PCA. (e) Cosine similarity of codes for four "
    "latents, ordered by phase. The paper does not give its lattice; ours is that of the Ising figures, and beta (65, "
    "70, 71 for 2, 3, 4 latents) scales with its area. Here the latent frame is turned between epochs, which no "
    "distance or cosine sees."
)

_BETAS = {2: 65.0, 3: 70.0, 4: 71.0}  # latent dimensions -> the paper's beta, taken to be for 32 x 32 sites
_JUDGED = 3000  # samples that are encoded, and given to PCA
_DRAWN = 1000  # prior draws whose decoded phase is asked for
_NEAR = 0.1  # largest error of a site probability with which a decoded sample counts as one of a phase
_SHOWN = 75  # codes of each phase that are kept for the picture
_PICTURES = 18
_NULLS = 100
_EDGES = tuple(combinations(range(4), 2))

CLAIMS = (
    Claim(
        "clusters", "002, Fig. 5 and section V.A",
        "In all cases the network distinguishes all four phases.",
        "smallest adjusted Rand index over d = 2, 3, 4 of the spectrum's clusters (their number found) with the phases",
        "0.95 leaves room for about 2 % of the samples in a wrong cluster; merged phases give at most 0.75",
        low=0.95, baseline="k-means told k = 4 on as many principal components", null="permuted labels",
    ),
    Claim(
        "line", "002, Fig. 5(b)",
        "With two latents the three polarized phases lie on one line.",
        "second over first singular value of their three mean codes, centred (0: a line, 1: an equilateral triangle)",
        "0.2: points on a line up to a fifth of their extent still look like one in a scatter plot",
        high=0.2, baseline="PCA", null="three Gaussian points in the plane",
    ),
    Claim(
        "across", "002, Fig. 5(b)",
        "With two latents PM lies on an axis across the line of the polarized phases.",
        "angle between that line and the way from its middle to PM, degrees",
        "15 degrees from a right angle, which is where 'horizontal' and 'vertical' stop being words for it",
        low=75.0, high=105.0, baseline="PCA", null="four Gaussian points in the plane",
    ),
    Claim(
        "generated", "002, Fig. 5(b)",
        "The generated samples capture the feature of each phase.",
        "smallest share, over the four phases, of prior draws decoded to the phase's site probabilities within 0.1",
        "a phase is a quarter of the data: a fifth of that share has to be generated",
        low=0.05, baseline="Gaussian on two principal components",
    ),
    Claim(
        "tetrahedron", "002, Fig. 5(c)",
        "With three latents the phases cluster on the four vertices of a tetrahedron.",
        "volume spanned by the mean codes over that of a regular tetrahedron of the same mean square edge",
        "one half, between 0 (a plane, where the data's own means lie) and 1 (regular)",
        low=0.5, baseline="PCA", null="four Gaussian points in space",
    ),
    Claim(
        "z3", "002, Fig. 5(c)",
        "The three polarized phases are at similar distances from PM: the symmetry Z3 is kept.",
        "largest over smallest distance of their mean codes from that of PM, three latents",
        "1.15: 'similar' read as within 15 %; four Gaussian points rarely reach it (the null shows how rarely)",
        high=1.15, baseline="PCA", null="four Gaussian points in space",
    ),
    Claim(
        "z3_between", "002, Fig. 5(c)",
        "Z3 also makes the three polarized phases equally far from one another (our corollary).",
        "largest over smallest distance between their mean codes, three latents",
        "1.15, as for the distances from PM",
        high=1.15, baseline="PCA", null="four Gaussian points in space",
    ),
    Claim(
        "preferred", "002, Fig. 5(c), control",
        "The loss prefers the tetrahedron.",
        "best loss of four planar codes minus that of four codes on a tetrahedron, three latents, nats in units of "
        "beta, with the best decoder of independent sites and no network",
        "its sign decides (added after the first trainings had come out flat)",
        low=0.0,
    ),
    Claim(
        "blocks", "002, Fig. 5(d)",
        "With four latents the cosine-similarity matrix is approximately block diagonal.",
        "mean cosine within phases minus mean absolute block cosine between phases (1: exactly block diagonal)",
        "one half, between no blocks (0) and exact ones (1); a regular tetrahedron about the origin has 2/3",
        low=0.5, baseline="PCA, four components", null="permuted labels",
    ),
)  # fmt: skip


def compute(size: Size, shelf: Shelf) -> Numbers:
    """Train at d = 2, 3, 4 with every seed, and measure the arrangement of the phases."""
    jobs = [(seed, d) for seed in size.seeds for d in _BETAS]
    pieces = {(seed, d): _piece(size, shelf, seed, d) for seed, d in shelf.each(jobs, "three-state spins")}
    measured = [_measure({d: pieces[seed, d] for d in _BETAS}, seed) for seed in size.seeds]
    numbers = {key: np.array([one[key] for one in measured]) for key in measured[0]}
    numbers |= _preferred(size, shelf)
    first = {d: pieces[size.seeds[0], d] for d in _BETAS}
    return {**numbers, **_nulls(first, size.seeds[0]), **_shown(first, size)}


def draw(numbers: Numbers) -> Figure:
    """Draw codes, generated configurations, the tetrahedron with its edges, and the cosine matrix."""
    from zeeman.studies.figures._three_states_drawing import draw_three_states

    return draw_three_states(numbers, _EDGES)


def phase_means(Z: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Mean code of PM, P1, P2, P3, (4, latent)."""
    return np.stack([Z[labels == phase].mean(axis=0, dtype=np.float64) for phase in THREE_STATE_PHASES])


def edges(means: NDArray) -> NDArray[np.float64]:
    """Distances between mean codes, (6,): PM-P1, PM-P2, PM-P3, P1-P2, P1-P3, P2-P3."""
    return np.array([np.linalg.norm(means[a] - means[b]) for a, b in _EDGES])


def flatness(means: NDArray) -> float:
    """Second over first singular value of the three polarized means, centred."""
    values = np.linalg.svd(means[1:] - means[1:].mean(axis=0), compute_uv=False)
    return float(values[1] / values[0])


def angle_across(means: NDArray) -> float:
    """Degrees between the line through the polarized means and the way from its middle to PM, 0 .. 90."""
    middle = means[1:].mean(axis=0)
    line = np.linalg.svd(means[1:] - middle)[2][0]
    way = means[0] - middle
    return float(np.degrees(np.arccos(np.clip(abs(line @ way) / np.linalg.norm(way), 0, 1))))


def regularity(means: NDArray) -> float:
    """Volume of the tetrahedron over that of a regular one of the same mean square edge, 0 .. 1."""
    volume = abs(np.linalg.det(means[1:] - means[0])) / 6
    return float(volume * 6 * np.sqrt(2) / np.mean(edges(means) ** 2) ** 1.5)


def _ratio(lengths: NDArray) -> float:
    return float(lengths.max() / lengths.min())


def _piece(size: Size, shelf: Shelf, seed: int, d: int) -> Numbers:
    settings = {
        "lattice": size.lattice, "n_samples": size.n_configurations, "n_epochs": size.n_epochs,
        "beta": size.beta(_BETAS[d]), "latent_dim": d, "seed": seed,
    }  # fmt: skip

    def make(checkpoint: Path) -> Numbers:
        return _trained(settings, checkpoint)

    return shelf.get(f"three-states-d{d}", settings, make)


def _trained(settings: Mapping[str, Any], checkpoint: Path) -> Numbers:
    """Train once; codes and principal components of the judged samples, and what prior draws are decoded to."""
    data = three_states(settings["lattice"], settings["n_samples"], settings["seed"])
    assert data.labels is not None
    vae = BetaVAE(
        settings["latent_dim"], likelihood="categorical", beta=settings["beta"], network="table1",
        n_epochs=settings["n_epochs"], random_state=settings["seed"],
    ).fit(data.X, checkpoint=checkpoint)  # fmt: skip
    X, labels = data.X[:_JUDGED], data.labels[:_JUDGED]
    Z = vae.transform(X)
    draws = stream(settings["seed"], "prior draws").standard_normal((_DRAWN, settings["latent_dim"]))
    decoded: Any = vae.decode(draws)
    sites = decoded.base_dist.probs.numpy()  # (draw, x, y, state)
    spectrum = LatentSpectrum(10, random_state=settings["seed"], n_bootstrap=0).fit(Z)
    pca, scores, generated = _principal(X, settings["latent_dim"], settings["seed"])
    kmeans = KMeans(4, n_init=10, random_state=settings["seed"]).fit_predict(scores)
    return {
        "codes": Z, "labels": labels, "pca": scores, "n_clusters": spectrum.n_clusters_,
        "ari": adjusted_rand_score(labels, spectrum.labels_), "ari_pca": adjusted_rand_score(labels, kmeans),
        "decoded": sites.mean(axis=(1, 2)), "decoded_pca": generated, "explained": pca.explained_variance_ratio_,
        "pictures": np.round(255 * sites[:_PICTURES]).astype(np.uint8), "elbo": vae.elbo_[0],
        "kl": vae.history_["kl"][-1],
    }  # fmt: skip


def _principal(X: NDArray, d: int, seed: int) -> tuple[PCA, NDArray, NDArray]:
    """PCA of one-hot states, its scores, and the site-averaged probabilities of Gaussian draws in its components."""
    one_hot = (X[..., None] == np.arange(3)).reshape(len(X), -1).astype(np.float32)
    pca = PCA(d, random_state=seed).fit(one_hot)
    scores = pca.transform(one_hot)
    draws = stream(seed, "principal draws").standard_normal((_DRAWN, d)) * scores.std(axis=0)
    generated = pca.inverse_transform(draws).reshape(_DRAWN, -1, 3).mean(axis=1)
    return pca, scores, generated


def _measure(pieces: Mapping[int, Numbers], seed: int) -> dict[str, Any]:
    """Every claim's value and baseline of one seed."""
    measured: dict[str, Any] = {
        "claim.clusters": min(float(piece["ari"]) for piece in pieces.values()),
        "baseline.clusters": min(float(piece["ari_pca"]) for piece in pieces.values()),
        "n_clusters": [int(piece["n_clusters"]) for piece in pieces.values()],
        "ari": [float(piece["ari"]) for piece in pieces.values()],
        "claim.generated": phase_shares(pieces[2]["decoded"]).min(),
        "baseline.generated": phase_shares(pieces[2]["decoded_pca"]).min(),
        "generated_shares": [phase_shares(piece["decoded"]) for piece in pieces.values()],
        "claim.blocks": block_contrast(pieces[4]["codes"], pieces[4]["labels"]),
        "baseline.blocks": block_contrast(pieces[4]["pca"], pieces[4]["labels"]),
    }
    for kind, key in (("claim", "codes"), ("baseline", "pca")):
        plane, space = (phase_means(pieces[d][key], pieces[d]["labels"]) for d in (2, 3))
        measured |= {f"{kind}.{name}": value for name, value in _arrangement(plane, space).items()}
        measured[f"{kind}_edges"] = edges(space)
    return measured


def _arrangement(plane: NDArray, space: NDArray) -> dict[str, float]:
    lengths = edges(space)
    return {
        "line": flatness(plane), "across": angle_across(plane), "tetrahedron": regularity(space),
        "z3": _ratio(lengths[:3]), "z3_between": _ratio(lengths[3:]),
    }  # fmt: skip


def phase_shares(decoded: NDArray) -> NDArray[np.float64]:
    """Share of site-averaged probabilities (draw, state) within 0.1 of each phase's, (4,)."""
    error = np.abs(decoded[:, None] - THREE_STATE_PROBABILITIES).max(axis=2)
    return np.asarray((error < _NEAR).mean(axis=0))


def _preferred(size: Size, shelf: Shelf) -> dict[str, NDArray]:
    """Losses (seed, planar | tetrahedron) of the best codes at the beta of three latents, and their difference."""
    ratio, n_steps = _BETAS[3] / 32**2, min(1200, 25 * size.n_table_epochs)
    angles = 2 * np.pi * np.arange(3) / 3
    planar = 1.4 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    starts = {
        "planar": np.concatenate([np.zeros((1, 3)), planar]),
        "tetrahedron": 0.8 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]),
    }

    def make(seed: int, name: str) -> Numbers:
        best = best_codes(ratio, starts[name], n_steps, seed)
        return {"loss": np.array(best.loss), "means": best.means, "widths": best.widths}

    def piece(seed: int, name: str) -> Numbers:
        settings = {"ratio": ratio, "start": name, "n_steps": n_steps, "seed": seed}
        return shelf.get(f"codes-{name}", settings, lambda _: make(seed, name))

    found = [[piece(seed, name) for name in starts] for seed in size.seeds]
    losses = np.array([[float(one["loss"]) for one in row] for row in found])
    return {
        "claim.preferred": losses[:, 0] - losses[:, 1], "optimum_loss": losses,
        "optimum_regularity": np.array([[regularity(one["means"]) for one in row] for row in found]),
        "optimum_edges": np.array([edges(min(row, key=lambda one: float(one["loss"]))["means"]) for row in found]),
    }  # fmt: skip


def _nulls(pieces: Mapping[int, Numbers], seed: int) -> dict[str, NDArray]:
    rng = stream(seed, "points without structure")
    drawn = [_arrangement(rng.standard_normal((4, 2)), rng.standard_normal((4, 3))) for _ in range(_NULLS)]
    nulls = {f"null.{name}": np.array([one[name] for one in drawn]) for name in drawn[0]}
    piece = pieces[4]
    nulls["null.blocks"] = permuted_contrasts(piece["codes"], piece["labels"], _NULLS, seed)
    groups = KMeans(4, n_init=1, random_state=seed).fit_predict(piece["codes"])
    nulls["null.clusters"] = np.array(
        [adjusted_rand_score(rng.permutation(piece["labels"]), groups) for _ in range(_NULLS)]
    )
    return nulls


def _shown(pieces: Mapping[int, Numbers], size: Size) -> dict[str, Any]:
    """What the picture needs of the first seed."""
    rows = {d: np.concatenate([np.flatnonzero(p["labels"] == c)[:_SHOWN] for c in THREE_STATE_PHASES])
            for d, p in pieces.items()}  # fmt: skip
    codes = {f"codes_{d}": piece["codes"][rows[d]].astype(np.float32) for d, piece in pieces.items()}
    labels = pieces[2]["labels"][rows[2]]
    return {
        **codes, "labels": labels, "pictures": pieces[2]["pictures"], "means_3": phase_means(
            pieces[3]["codes"], pieces[3]["labels"]), "lattice": size.lattice,
        "betas": [size.beta(beta) for beta in _BETAS.values()],
    }  # fmt: skip
