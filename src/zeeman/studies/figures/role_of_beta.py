"""Paper 002, equation 12: what beta does. The exact optimum at every beta, its collapse, and who leads the training.

The least loss over all encoders and decoders (`zeeman.meanfield.optimal_decoder`) needs no network: a law of fields
with finitely many atoms. Networks stand beside it, and beside both rules for the beta at which the code is lost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zeeman.plots.style import GREY, INK, MILLIMETRE, PALETTE, WIDTHS, JournalFigure, styled, tag
from zeeman.studies.figures._ising import BETAS, configurations, sweep
from zeeman.studies.figures.claims import Claim, Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size

TITLE = "The role of beta"
CAPTION = (
    "a, rate of the exact optimum (line) and of trained networks (points) against beta, as for 32 x 32 sites: the "
    "exact code is lost above the linear threshold 4 λmax(Cov x) and well below the paper's |J| L²/2. b, atoms of the "
    "exact optimum with more than a hundredth of the weight, dashes the exponential of the rate. c, "
    "distance of encoder and decoder from their optima along a training, each over its own largest value; mean and "
    "range over seeds."
)
_EXACT = (60.0, 80.0, 100.0, 150.0, 200.0, 250.0, 300.0, 320.0, 335.0)  # smaller ones memorise samples, not phases
_JUDGED = 1500  # configurations that the exact optimum is computed on
_HEAVY = 0.01
CLAIMS = (
    Claim(
        "five_atoms", "derived from 002, eq. 12",
        "At beta = 100 the best possible code holds the phases and nothing else",
        "atoms of the exact optimum with more than 0.01 of the weight", "FM+, FM-, AFM+, AFM-, PM: five",
        low=5, high=5,
    ),
    Claim(
        "atoms_are_states", "derived from 002, eq. 12", "Those atoms are the five states",
        "ARI of the likeliest atom against the true states", "no labels, no network: 0.99", low=0.99,
        baseline="k-means told five, on two principal components",
    ),
    Claim(
        "linear_threshold", "derived from 002, eq. 12",
        "The linear threshold 4 lambda_max(Cov x) bounds the collapse from below",
        "beta of the exact collapse over 4 lambda_max", "1 or above; within a quarter it is a usable rule",
        low=1.0, high=1.25,
    ),
    Claim(
        "paper_rule", "002, section IV B",
        "The phases differ by the energy |J| L²/2, the scale that beta must stay below",
        "measured energy of PM minus that of FM, over |J| L²/2", "equal within a tenth", low=0.9, high=1.1,
    ),
    Claim(
        "area", "derived from 002, eq. 12", "The collapse moves with the area of the lattice",
        "beta of the exact collapse at twice the size, over that at this size", "4, corrections of a tenth",
        low=3.6, high=4.4,
    ),
    Claim(
        "network_floor", "002, eq. 12", "A trained network comes close to the best possible loss at beta = 100",
        "its loss above the exact optimum, over what a code can gain at all", "a tenth", high=0.1,
        baseline="the names of five k-means clusters as a code",
    ),
    Claim(
        "encoder_near_optimal", "002, eq. 12", "After training the encoder is the optimal one for its decoder",
        "beta KL[q || q*] over beta times the rate", "a twentieth: the diagonal Gaussian costs something", high=0.05,
    ),
    Claim(
        "encoder_nearer", "002, section IV B",
        "The encoder is the follower: while the decoder learns, it is nearer its optimum",
        "encoder's share of both gaps, mean over the epochs until the decoder's has closed to a tenth",
        "below a half: less is left to the encoder than to the decoder", high=0.5,
    ),
    Claim(
        "encoder_first", "002, section IV B", "The encoder always converges faster than the decoder",
        "epochs until the encoder's gap stays within a tenth of its last value, over the decoder's",
        "below one: the encoder is first; equal counts as no", high=0.99,
    ),
)  # fmt: skip


def compute(size: Size, shelf: Shelf) -> Numbers:
    """Exact optima and their collapse, networks beside them, and the gaps of encoder and decoder along a training."""
    exact = [_exact(size, seed, shelf) for seed in shelf.each(size.seeds, "exact optimum, seed")]
    led = [_led(size, seed, shelf) for seed in shelf.each(size.seeds, "encoder and decoder, seed")]
    networks = sweep(size, shelf, BETAS)
    area, hundred = size.beta(1.0), _EXACT.index(100.0)
    floor = np.array([run["loss"][hundred] for run in exact])
    gain = np.array([run["collapsed_loss"][hundred] for run in exact]) - floor
    return {
        "exact_betas": np.array(_EXACT),
        "rate": np.stack([run["rate"] for run in exact]),
        "atoms": np.stack([run["atoms"] for run in exact]),
        "certificate": np.stack([run["certificate"] for run in exact]),
        "collapse": np.array([run["collapse"] for run in exact]) / area,
        "linear": np.array([run["linear"] for run in exact]) / area,
        "betas": np.array(BETAS),
        "network_rate": np.array([[float(run["rate"]) for run in networks[beta]] for beta in BETAS]),
        "epoch": led[0]["epoch"],
        "encoder_gap": np.stack([run["encoder_gap"] for run in led]),
        "decoder_gap": np.stack([run["decoder_gap"] for run in led]),
        "claim.five_atoms": np.array([run["atoms"][hundred] for run in exact]),
        "claim.atoms_are_states": np.array([run["ari"] for run in exact]),
        "baseline.atoms_are_states": np.array([run["kmeans_ari"] for run in exact]),
        "claim.linear_threshold": np.array([run["collapse"] / run["linear"] for run in exact]),
        "claim.paper_rule": np.array([run["energy_difference"] for run in exact]),
        "claim.area": np.array([run["collapse_twice"] / run["collapse"] for run in exact]),
        "claim.network_floor": (np.array([run["final_loss"] for run in led]) - floor) / gain,
        "baseline.network_floor": (np.array([run["kmeans_loss"] for run in exact]) - floor) / gain,
        "claim.encoder_near_optimal": np.array([run["final_gap"] / run["final_rate"] for run in led]),
        "claim.encoder_nearer": np.array([float(run["lag"]) for run in led]),
        "claim.encoder_first": np.array([run["closing"][0] / max(run["closing"][1], 1) for run in led]),
    }  # fmt: skip


@styled
def draw(numbers: Numbers) -> Any:
    """Rate against beta, atoms of the exact optimum, and the two gaps along a training."""
    figure = JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, 62 * MILLIMETRE), layout="constrained")
    rate, atoms, gaps = figure.subplots(1, 3)
    _draw_rate(rate, numbers)
    _draw_atoms(atoms, numbers)
    _draw_gaps(gaps, numbers)
    return figure


def _draw_rate(ax: Axes, numbers: Numbers) -> None:
    collapse, linear = float(numbers["collapse"].mean()), float(numbers["linear"].mean())
    betas, rate = numbers["exact_betas"], numbers["rate"].mean(axis=0)
    below = betas < collapse
    line = np.append(betas[below], [collapse, 2000.0]), np.append(rate[below], [0.0, 0.0])
    ax.plot(*line, color=INK, label="exact optimum")
    ax.plot(betas[below], rate[below], ".", color=INK, ms=4)
    _with_range(ax, numbers["betas"], numbers["network_rate"].T, PALETTE[0], "Table I networks", "o")
    ax.axvline(linear, color=PALETTE[1], ls=":", lw=0.9, label=r"4 λ$_{\mathrm{max}}$")
    ax.axvline(512, color=GREY, ls="--", lw=0.9, label="|J| L²/2")
    ax.set(xscale="log", xlabel="β (for 32 × 32 sites)", ylabel="rate / nats", ylim=(-0.1, None))
    ax.legend(loc="lower left")
    tag(ax, "a", "collapse")


def _draw_atoms(ax: Axes, numbers: Numbers) -> None:
    betas = numbers["exact_betas"]
    _with_range(ax, betas, numbers["atoms"], INK, "atoms", "o")
    ax.plot(betas, np.exp(numbers["rate"].mean(axis=0)), "--", color=GREY, label="exp(rate)")
    ax.axhline(5, color=PALETTE[2], lw=0.8, zorder=0)
    ax.annotate("five states", (betas[-1], 5), (0, 3), textcoords="offset points", ha="right", color=PALETTE[2])
    ax.set(xlabel="β (for 32 × 32 sites)", ylabel="atoms of the optimal law", ylim=(0, 6.5))
    ax.legend(loc="lower left")
    tag(ax, "b", "what the best code holds")


def _draw_gaps(ax: Axes, numbers: Numbers) -> None:
    for name, colour, label in (
        ("encoder_gap", PALETTE[1], "encoder, β KL[q || q*]"),
        ("decoder_gap", PALETTE[0], r"decoder, −β$\langle$ln Z$\rangle$ − least"),
    ):
        scaled = numbers[name] / numbers[name].max(axis=1, keepdims=True)
        ax.plot(numbers["epoch"], scaled.mean(axis=0), color=colour, label=label)
        ax.fill_between(numbers["epoch"], scaled.min(axis=0), scaled.max(axis=0), color=colour, alpha=0.2, lw=0)
    ax.set(xlabel="epoch", ylabel="gap over its largest", yscale="log", ylim=(1e-3, 1.5))
    ax.legend(loc="lower left")
    tag(ax, "c", "leader and follower")


def _with_range(ax: Axes, x: NDArray, values: NDArray, colour: str, label: str, marker: str) -> None:
    mean = values.mean(axis=0)
    spread = np.abs(np.stack([values.min(axis=0), values.max(axis=0)]) - mean)
    ax.errorbar(x, mean, spread, color=colour, marker=marker, ms=3, lw=0, elinewidth=0.8, capsize=2, label=label)


def _exact(size: Size, seed: int, shelf: Shelf) -> Numbers:
    """Exact optima of one data set at every beta, its collapse, and the collapse at twice the lattice size."""
    settings = {"lattice": size.lattice, "n": _judged(size), "betas": _EXACT, "seed": seed}

    def make(checkpoint: Path) -> Numbers:
        from sklearn.metrics import adjusted_rand_score

        from zeeman.meanfield import collapse_beta, collapse_threshold, optimal_decoder

        X, states = configurations(size.lattice, _judged(size), seed)
        best = {beta: optimal_decoder(X, size.beta(beta), max_atoms=len(X)) for beta in _EXACT}
        clusters = _kmeans(X, seed)
        twice, _ = configurations(2 * size.lattice, _judged(size), seed)
        return {
            "linear": collapse_threshold(X).beta,
            "collapse": collapse_beta(X),
            "collapse_twice": collapse_beta(twice),
            "rate": np.array([best[beta].rate for beta in _EXACT]),
            "atoms": np.array([(best[beta].weights > _HEAVY).sum() for beta in _EXACT]),
            "loss": np.array([best[beta].loss for beta in _EXACT]),
            "certificate": np.array([best[beta].certificate for beta in _EXACT]),
            "collapsed_loss": np.array([best[beta].collapsed_loss for beta in _EXACT]),
            "ari": adjusted_rand_score(states, best[100.0].responsibilities.argmax(axis=1)),
            "kmeans_ari": adjusted_rand_score(states, clusters),
            "kmeans_loss": _hard_code_loss(X, clusters, size.beta(100.0)),
            "energy_difference": _energy_difference(size, seed),
        }

    return shelf.get(f"exact-seed{seed}", settings, make)


def _led(size: Size, seed: int, shelf: Shelf) -> Numbers:
    """Both gaps along a training at beta = 100 on the data of the exact optimum, and how near its end is to that."""
    settings = {"lattice": size.lattice, "n": _judged(size), "epochs": 4 * size.n_epochs, "seed": seed}

    def make(checkpoint: Path) -> Numbers:
        from zeeman.meanfield import convergence, optimal_encoder

        X, _ = configurations(size.lattice, _judged(size), seed)
        beta = size.beta(100.0)
        found = convergence(
            X, beta=beta, network="table1", n_epochs=4 * size.n_epochs, frame="free", validation_fraction=0.0,
            random_state=seed,
        )  # fmt: skip
        final = optimal_encoder(found.vae, X, tolerance=0.05)
        return {
            "epoch": found.epoch,
            "encoder_gap": found.encoder_gap[:, 0],
            "decoder_gap": found.decoder_gap[:, 0],
            "lag": float(found.lag(0.1)[0]),
            "closing": np.array([float(epochs[0]) for epochs in found.closing_epochs()]),
            "final_loss": final.trained_loss,
            "final_gap": final.gap,
            "final_rate": beta * final.trained_rate.mean(),
        }

    return shelf.get(f"leader-seed{seed}", settings, make)


def _judged(size: Size) -> int:
    return min(_JUDGED, size.n_configurations // 2)


def _kmeans(X: NDArray, seed: int) -> NDArray[np.integer]:
    """Five clusters of two principal components."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    scores = PCA(2, random_state=0).fit_transform(X.reshape(len(X), -1).astype(np.float64))
    return KMeans(5, n_init=10, random_state=seed).fit_predict(scores)


def _hard_code_loss(X: NDArray, clusters: NDArray[np.integer], beta: float) -> float:
    """Loss of the code that names the cluster: the entropy of the sites within, beta times that of the names."""
    bits = (X.reshape(len(X), -1) > 0).astype(np.float64)
    shares = np.bincount(clusters) / len(clusters)
    m = np.stack([bits[clusters == c].mean(axis=0) for c in range(len(shares))])
    safe = np.clip(m, 1e-12, 1 - 1e-12)
    entropies = -(m * np.log(safe) + (1 - m) * np.log(1 - safe)).sum(axis=1)
    return float(shares @ entropies - beta * (shares * np.log(shares)).sum())


def _energy_difference(size: Size, seed: int) -> float:
    """Energy of PM minus that of FM over |J| L^2 / 2: per site, over 1/2."""
    from zeeman.data.generate import three_phases

    ds = three_phases(size.lattice, _judged(size), seed)
    energy, phase = ds.energy.values, ds.phase.values
    return float(energy[phase == "PM"].mean() - energy[phase == "FM"].mean()) / 0.5
