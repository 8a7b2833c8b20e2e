"""Paper 002, Fig. 6: handwritten digits through the Gaussian decoder, two latents and sixteen.

scikit-learn's 8 x 8 digits; MNIST instead where the environment variable ZEEMAN_MNIST names a folder with its IDX
files. The paper prints no beta. Ours is the 16th eigenvalue of Cov x: in the linear limit a unit-variance Gaussian
decoder keeps a principal direction if its variance exceeds beta, so this is the largest beta at which all sixteen
latents stay in use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from zeeman.base.random import stream
from zeeman.data import load
from zeeman.studies.figures._cosines import block_contrast, block_means, permuted_contrasts
from zeeman.studies.figures.claims import Claim, Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size
from zeeman.vae import BetaVAE

__all__ = ["CAPTION", "CLAIMS", "TITLE", "compute", "draw"]

TITLE = "Handwritten digits with the Gaussian decoder"
CAPTION = (
    "(a) Codes of handwritten digits for two latents, coloured by the digit, which the network does not see. (b), (c) "
    "Decoded means of prior draws for two and sixteen latents. (d) Cosine similarity of the codes for sixteen latents, "
    "ordered by digit. (e) Mean cosine between the codes of two digits, the pairs in order; PCA's beside it. "
    "scikit-learn's 8 x 8 digits unless a folder with MNIST is given (the title of (a) says which); beta is not "
    "printed in the paper, ours is the largest that keeps sixteen directions in the linear limit."
)
FOLDER = "ZEEMAN_MNIST"  # environment variable

_DIMS = (2, 16)
_JUDGED = 3000  # codes that are judged
_DRAWN = 500
_NEIGHBOURS = 10
_SHOWN = 40  # codes of each digit that are kept for the picture
_PICTURES = 20
_NULLS = 100

CLAIMS = (
    Claim(
        "cluster_2", "002, Fig. 6(a)",
        "With two latents images of the same number cluster together.",
        "share of codes whose ten nearest others vote for their own digit, two latents",
        "one half, five times chance: neighbours then mostly share the digit",
        low=0.5, baseline="two principal components", null="permuted labels",
    ),
    Claim(
        "overlap_2", "002, Fig. 6(a)",
        "With two latents the numbers are hard to separate.",
        "adjusted Rand index of k-means told k = 10 with the digits, two latents",
        "above 0.8 one would call them separated (about one image in ten in a wrong cluster)",
        high=0.8, baseline="two principal components", null="permuted labels",
    ),
    Claim(
        "more_latents", "002, Fig. 6(c)",
        "Sixteen latents tell the numbers apart more clearly than two.",
        "wrong votes of the ten nearest codes, sixteen latents over two",
        "at most half as many: less would not be worth fourteen more latents",
        high=0.5, baseline="principal components, sixteen over two",
    ),
    Claim(
        "blocks", "002, Fig. 6(c)",
        "With sixteen latents the cosine-similarity matrix divides into clear blocks.",
        "mean cosine within digits minus mean absolute block cosine between digits",
        "0.3: the blocks must stand out from their surroundings by a third of the scale",
        low=0.3, baseline="sixteen principal components", null="permuted labels",
    ),
    Claim(
        "zero_one", "002, Fig. 6(c)",
        "0 and 1 are well distinguishable: their block is white.",
        "mean cosine between codes of 0 and of 1, sixteen latents",
        "0.1: on a scale to 1 that is white to the eye",
        high=0.1, baseline="sixteen principal components",
    ),
    Claim(
        "four_nine", "002, Fig. 6(c), (d)",
        "9 and 4 are similar.",
        "rank of the pair (4, 9) among the 45 pairs by mean cosine, 1 the most similar, sixteen latents",
        "among the first five: chance would do so one time in nine",
        low=1.0, high=5.0, baseline="sixteen principal components",
    ),
    Claim(
        "meaningful_2", "002, Fig. 6(b)",
        "Generated samples are meaningful: two latents.",
        "median confidence of a forest trained on real digits in decoded prior draws, over that in unseen real digits",
        "a fifth less than for a real digit is allowed, since means are smoother than digits",
        low=0.8, baseline="Gaussian on two principal components", null="pixels shuffled between real images",
    ),
    Claim(
        "meaningful_16", "002, Fig. 6(d)",
        "Generated samples are meaningful: sixteen latents.",
        "median confidence of a forest trained on real digits in decoded prior draws, over that in unseen real digits",
        "as for two latents",
        low=0.8, baseline="Gaussian on sixteen principal components", null="pixels shuffled between real images",
    ),
    Claim(
        "all_digits", "002, Fig. 6(b), (d)",
        "The generated samples show the numbers that are in the data.",
        "digits, of ten, named by the forest for at least 2 % of the prior draws; the fewer of two and sixteen latents",
        "2 % is a fifth of an even share; one digit may be missing",
        low=9.0, baseline="Gaussian on principal components",
    ),
)  # fmt: skip


def compute(size: Size, shelf: Shelf) -> Numbers:
    """Train at d = 2 and 16 with every seed, and measure clusters, blocks, pairs and generated images."""
    X, digits, name, epochs = images(size)
    jobs = [(seed, d) for seed in size.seeds for d in _DIMS]
    pieces = {}
    for seed, d in shelf.each(jobs, "handwritten digits"):
        pieces[seed, d] = _piece(X, digits, name, epochs, shelf, seed, d)
    measured = [_measure({d: pieces[seed, d] for d in _DIMS}) for seed in size.seeds]
    numbers = {key: np.array([one[key] for one in measured]) for key in measured[0]}
    first = {d: pieces[size.seeds[0], d] for d in _DIMS}
    return {**numbers, **_nulls(first, size.seeds[0]), **_shown(first), "source": np.array(name)}


def draw(numbers: Numbers) -> Figure:
    """Draw codes, generated images, the cosine matrix by digit and the pairs in order."""
    from zeeman.studies.figures._digits_drawing import draw_digits

    return draw_digits(numbers)


def images(size: Size) -> tuple[NDArray[np.float32], NDArray, str, int]:
    """Images (sample, L, L), digits, the name of the source and the number of epochs for it."""
    folder = os.environ.get(FOLDER)
    if folder:
        data = load("mnist", folder=folder)
        kept = stream(0, "digits kept").permutation(len(data.X))[: size.n_configurations]
        X, digits, name, epochs = data.X[kept], data.labels, "MNIST", size.n_epochs
        digits = None if digits is None else digits[kept]
    else:
        data = load("digits")
        kept = np.arange(min(len(data.X), size.n_samples))
        X, digits, name, epochs = data.X[kept].reshape(-1, 8, 8), data.labels, "scikit-learn", size.n_table_epochs
        digits = None if digits is None else digits[kept]
    assert digits is not None  # both sources have them
    return X.astype(np.float32), digits, name, epochs


def _piece(
    X: NDArray, digits: NDArray, name: str, epochs: int, shelf: Shelf, seed: int, d: int
) -> Numbers:  # fmt: skip
    settings = {"source": name, "n_samples": len(X), "n_epochs": epochs, "latent_dim": d, "seed": seed}

    def make(checkpoint: Path) -> Numbers:
        return _trained(X, digits, settings, checkpoint)

    return shelf.get(f"digits-d{d}", settings, make)


def _trained(X: NDArray, digits: NDArray, settings: Mapping[str, Any], checkpoint: Path) -> Numbers:
    """Train once; codes, principal components, generated images and how a forest reads them."""
    d, seed = settings["latent_dim"], settings["seed"]
    flat = X.reshape(len(X), -1)
    pca = PCA(max(_DIMS), random_state=seed).fit(flat)
    beta = float(pca.explained_variance_[-1])
    vae = BetaVAE(
        d, likelihood="gaussian", beta=beta, network="table1", n_epochs=settings["n_epochs"], random_state=seed
    ).fit(X, checkpoint=checkpoint)
    judged = slice(0, _JUDGED)
    Z, scores = vae.transform(X[judged]), pca.transform(flat[judged])[:, :d]
    prior = stream(seed, "prior draws").standard_normal((_DRAWN, d))
    generated = np.asarray(vae.decode(prior).mean).reshape(_DRAWN, -1)
    components = stream(seed, "principal draws").standard_normal((_DRAWN, d)) * scores.std(axis=0)
    linear = components @ pca.components_[:d] + pca.mean_
    read = _read(flat, digits, {"generated": generated, "linear": linear}, seed)
    return {
        "codes": Z, "pca": scores, "labels": digits[judged], "beta": beta, "elbo": vae.elbo_[0],
        "kl": vae.history_["kl"][-1],
        "pictures": generated[:_PICTURES].reshape(-1, *X.shape[1:]).astype(np.float32), **read,
    }  # fmt: skip


def _read(flat: NDArray, digits: NDArray, made: Mapping[str, NDArray], seed: int) -> dict[str, NDArray]:
    """Confidence and digit that a forest, trained on half of the real images, gives to others.

    Others: the unseen half, images made by a model, and images whose every pixel comes from another real one.
    """
    rng = stream(seed, "forest")
    order = rng.permutation(len(flat))[: 2 * _JUDGED]
    train, unseen = np.array_split(order, 2)
    forest = ExtraTreesClassifier(200, min_samples_leaf=2, random_state=seed % 2**32).fit(flat[train], digits[train])
    shuffled = rng.permuted(flat[unseen][:_DRAWN], axis=0)
    read: dict[str, NDArray] = {}
    for name, X in {"real": flat[unseen], "shuffled": shuffled, **made}.items():
        votes = forest.predict_proba(X)
        read |= {f"confidence_{name}": votes.max(axis=1), f"read_{name}": forest.classes_[votes.argmax(axis=1)]}
    return read


def _measure(pieces: Mapping[int, Numbers]) -> dict[str, Any]:
    """Every claim's value and baseline of one seed."""
    measured: dict[str, Any] = {"beta": float(pieces[2]["beta"])}
    labels = pieces[2]["labels"]
    for kind, key, made in (("claim", "codes", "generated"), ("baseline", "pca", "linear")):
        right = {d: votes_right(piece[key], labels) for d, piece in pieces.items()}
        blocks = block_means(pieces[16][key], labels)[1]
        named = [digits_named(piece[f"read_{made}"]) for piece in pieces.values()]
        measured |= {
            f"{kind}.cluster_2": right[2],
            f"{kind}.overlap_2": _kmeans_ari(pieces[2][key], labels),
            f"{kind}.more_latents": (1 - right[16]) / max(1 - right[2], 1 / len(labels)),
            f"{kind}.blocks": block_contrast(pieces[16][key], labels),
            f"{kind}.zero_one": blocks[0, 1],
            f"{kind}.four_nine": rank_of_pair(blocks, 4, 9),
            f"{kind}.all_digits": min(named),
            f"{kind}_blocks": blocks,
        }
        for d, piece in pieces.items():
            relative = np.median(piece[f"confidence_{made}"]) / np.median(piece["confidence_real"])
            measured[f"{kind}.meaningful_{d}"] = relative
    measured["confidence_real"] = float(np.median(pieces[2]["confidence_real"]))
    measured |= {f"confused_{d}": confusions(piece["codes"], labels) for d, piece in pieces.items()}
    return measured


def votes(Z: NDArray, labels: NDArray) -> NDArray[np.intp]:
    """Digit that the ten nearest other samples vote for, (sample,)."""
    near = NearestNeighbors(n_neighbors=_NEIGHBOURS).fit(Z).kneighbors(return_distance=False)  # without itself
    return np.stack([(labels[near] == digit).sum(axis=1) for digit in range(10)], axis=1).argmax(axis=1)


def votes_right(Z: NDArray, labels: NDArray) -> float:
    """Share of samples whose ten nearest other samples vote for their label."""
    return float((votes(Z, labels) == labels).mean())


def confusions(Z: NDArray, labels: NDArray) -> NDArray[np.intp]:
    """Samples of digit a that their neighbours take for b, plus the reverse, (10, 10), 0 on the diagonal."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels.astype(int), votes(Z, labels)), 1)
    return (counts + counts.T) * (1 - np.eye(10, dtype=int))


def rank_of_pair(blocks: NDArray, a: int, b: int) -> int:
    """Place of a pair of groups among all by mean cosine, 1 the most similar."""
    pairs = blocks[np.triu_indices(len(blocks), 1)]
    return int((pairs > blocks[a, b]).sum()) + 1


def digits_named(read: NDArray) -> int:
    """Count the digits that at least 2 % of the images are read as."""
    return int((np.bincount(read.astype(int), minlength=10) >= 0.02 * len(read)).sum())


def _kmeans_ari(Z: NDArray, labels: NDArray) -> float:
    return float(adjusted_rand_score(labels, KMeans(10, n_init=10, random_state=0).fit_predict(Z)))


def _nulls(pieces: Mapping[int, Numbers], seed: int) -> dict[str, NDArray]:
    """Labels in random order; images without correlations between pixels."""
    rng, labels = stream(seed, "permuted digits"), pieces[2]["labels"]
    groups = KMeans(10, n_init=1, random_state=0).fit_predict(pieces[2]["codes"])
    permuted = [rng.permutation(labels) for _ in range(_NULLS)]
    return {
        "null.cluster_2": np.array([votes_right(pieces[2]["codes"], one) for one in permuted[: _NULLS // 10]]),
        "null.overlap_2": np.array([adjusted_rand_score(one, groups) for one in permuted]),
        "null.blocks": permuted_contrasts(pieces[16]["codes"], labels, _NULLS, seed),
        **{f"null.meaningful_{d}": np.quantile(piece["confidence_shuffled"], np.linspace(0.05, 0.95, 19))
           / np.median(piece["confidence_real"]) for d, piece in pieces.items()},
    }  # fmt: skip


def _shown(pieces: Mapping[int, Numbers]) -> dict[str, Any]:
    """What the picture needs of the first seed."""
    labels = pieces[2]["labels"]
    rows = np.concatenate([np.flatnonzero(labels == digit)[:_SHOWN] for digit in range(10)])
    return {
        "labels": labels[rows], "codes_2": pieces[2]["codes"][:2000], "digits_2": labels[:2000],
        "codes_16": pieces[16]["codes"][rows],
        **{f"pictures_{d}": piece["pictures"].astype(np.float16) for d, piece in pieces.items()},
    }  # fmt: skip
