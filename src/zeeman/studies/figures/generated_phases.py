"""Paper 002, Fig. 2: which phases a beta-VAE generates, against beta.

z is drawn from the prior and decoded to Bernoulli means m_k; what comes out is named by its order parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zeeman.plots.style import GREY, INK, MILLIMETRE, PALETTE, WIDTHS, JournalFigure, styled, tag
from zeeman.studies.figures._ising import BETAS, PAPER_BETAS, PHASES, kinds_of, sweep
from zeeman.studies.figures.claims import Claim, Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size

TITLE = "Generated samples against beta"
CAPTION = (
    "Top: sixteen means m_k decoded from z ~ N(0, 1) at the paper's four betas (given for 32 x 32 sites, scaled by the "
    "area elsewhere). Bottom: share of each phase among 1,000 such means, by their order parameters, at the paper's "
    "betas and between; lines are means over seeds, bars their range, the triangles a Gaussian on two principal "
    "components. The dotted line is the collapse threshold 4 λmax(Cov x), the dashed one the paper's |J| L²/2."
)
CLAIMS = (
    Claim(
        "pm_at_1", "002, Fig. 2(a)", "At beta = 1 the paramagnet is ignored", "share of PM among generated means",
        "the data hold a third of PM; ignored means less than a seventh of that", high=0.05,
        baseline="two principal components",
    ),
    Claim(
        "pm_at_10", "002, Fig. 2(b), section IV B", "At beta = 10 the paramagnet is still ignored",
        "share of PM among generated means", "as at beta = 1", high=0.05, baseline="two principal components",
    ),
    Claim(
        "all_at_100", "002, Fig. 2(c)", "At beta = 100 all three phases are generated",
        "smallest share among FM, AFM and PM", "a phase with less than a tenth, of its third in the data, is missing",
        low=0.1, baseline="two principal components",
    ),
    Claim(
        "ordered_at_2000", "002, Fig. 2(d)", "At beta = 2000 only the paramagnet is generated",
        "share of FM and AFM among generated means", "the collapsed decoder is a constant: none is left", high=0.01,
        baseline="two principal components",
    ),
)  # fmt: skip
_COLOURS = dict(zip(PHASES, (PALETTE[2], PALETTE[0], "#8a8f94", PALETTE[4]), strict=True))  # as their + in figure 3


def compute(size: Size, shelf: Shelf) -> Numbers:
    """Shares of the phases, (beta, seed, phase), and sixteen means at each of the paper's betas of the first seed."""
    runs = sweep(size, shelf, BETAS)
    shares = np.array([[_shares(run["parameters"], run["saturation"]) for run in runs[beta]] for beta in BETAS])
    pca = np.array([_shares(run["pca_parameters"], run["pca_saturation"]) for run in runs[BETAS[0]]])
    fm, afm, pm, _ = np.moveaxis(shares, -1, 0)
    at = {beta: i for i, beta in enumerate(BETAS)}
    least, least_pca = np.minimum(np.minimum(fm, afm), pm), pca[:, :3].min(axis=1)
    return {
        "betas": np.array(BETAS),
        "shares": shares,
        "pca_shares": pca,
        "shown": np.stack([runs[beta][0]["generated"] for beta in PAPER_BETAS]),
        "threshold": np.mean([4 * run["lambda_max"] for run in runs[BETAS[0]]]) / size.beta(1.0),
        "claim.pm_at_1": pm[at[1.0]],
        "claim.pm_at_10": pm[at[10.0]],
        "claim.all_at_100": least[at[100.0]],
        "claim.ordered_at_2000": (fm + afm)[at[2000.0]],
        "baseline.pm_at_1": pca[:, 2],
        "baseline.pm_at_10": pca[:, 2],
        "baseline.all_at_100": least_pca,
        "baseline.ordered_at_2000": pca[:, 0] + pca[:, 1],
    }


@styled
def draw(numbers: Numbers) -> Any:
    """Four panels of means above the shares."""
    figure = JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, 105 * MILLIMETRE), layout="constrained")
    grid = figure.add_gridspec(2, 4, height_ratios=(1, 0.95))
    for i, beta in enumerate(PAPER_BETAS):
        ax = figure.add_subplot(grid[0, i])
        ax.imshow(_tiled(numbers["shown"][i].astype(float)), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        ax.set_axis_off()
        tag(ax, "abcd"[i], f"β = {beta:g}")
    _draw_shares(figure.add_subplot(grid[1, :]), numbers)
    return figure


def _draw_shares(ax: Axes, numbers: Numbers) -> None:
    betas, shares = numbers["betas"], numbers["shares"]
    for p, phase in enumerate(PHASES):
        mean = shares[:, :, p].mean(axis=1)
        spread = np.abs(np.stack([shares[:, :, p].min(axis=1), shares[:, :, p].max(axis=1)]) - mean)
        label = "sites decided, no order" if phase == "broken" else phase
        ax.errorbar(betas, mean, spread, color=_COLOURS[phase], marker="o", capsize=2, lw=1, ms=3, label=label)
        ax.plot(betas[-1] * 1.6, numbers["pca_shares"][:, p].mean(), "^", color=_COLOURS[phase], ms=4)
    ax.axvline(float(numbers["threshold"]), color=INK, ls=":", lw=0.8)
    ax.axvline(512, color=GREY, ls="--", lw=0.8)
    ax.set_xscale("log")
    ax.set(xlabel="β (for 32 × 32 sites; triangles: two principal components)", ylabel="share of generated means")
    ax.set_ylim(-0.03, 1.05)
    ax.legend(loc="upper left", ncols=2)
    tag(ax, "e", "phases generated")


def _shares(parameters: NDArray, saturation: NDArray) -> list[float]:
    kinds = kinds_of(parameters, saturation)
    return [float((kinds == phase).mean()) for phase in PHASES]


def _tiled(images: NDArray, per_row: int = 4, gap: int = 2) -> NDArray:
    """Images (image, x, y) as one picture, `per_row` a row, white between."""
    n, rows, columns = images.shape
    padded = np.full((n, rows + gap, columns + gap), np.nan)
    padded[:, :rows, :columns] = images
    whole = padded.reshape(-1, per_row, rows + gap, columns + gap).swapaxes(1, 2)
    return whole.reshape(-1, per_row * (columns + gap))[:-gap, :-gap]
