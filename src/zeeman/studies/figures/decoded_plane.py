"""Paper 002, Fig. 4: the decoded latent plane; its axes as order parameters, its distances as those of the data.

Distances are those of first moments (eq. 9): between the branches P+, P- and P_PM, in configurations and in codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zeeman.plots.style import GREY, INK, MILLIMETRE, PALETTE, WIDTHS, JournalFigure, colours_of, styled, tag
from zeeman.studies.figures._ising import sweep
from zeeman.studies.figures.claims import Claim, Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size
from zeeman.studies.readings import order_parameters

TITLE = "The decoded latent plane"
CAPTION = (
    "a, Bernoulli means decoded over the plane of the codes at beta = 100, first seed. b and c, magnetisation and "
    "staggered magnetisation of the decoded means along either axis, the other latent in the middle (lines), and of "
    "the data (points, coloured as in figure 3). d, distances between the means of the five states in codes against "
    "those in configurations, all pairs, every seed; the line is one common scale, crosses are two principal "
    "components."
)
_STATES = ("FM+", "FM-", "AFM+", "AFM-", "PM")
CLAIMS = (
    Claim(
        "decoded_order", "002, Fig. 4", "Each latent axis captures one physical order parameter",
        "smaller |correlation|, over the decoded plane, of m with one axis and m_s with the other",
        "a plane read as two order parameters: 0.9 allows for saturation at the ends, not for a turned frame", low=0.9,
        baseline="PCA",
    ),
    Claim(
        "equal_branches", "002, section III, eq. 9",
        "P+ and P- are equally far from the paramagnet in the latent space, as they are in the data",
        "larger over smaller of the two distances, the worse of FM and AFM, in codes",
        "1 in the data by symmetry; a tenth of asymmetry", high=1.1, baseline="PCA", null="the data",
    ),
    Claim(
        "isometry", "002, section III, eq. 9", "Distances between phases are kept up to one scale factor",
        "spread of latent over input distance among the ten pairs of states (sd over mean)",
        "a tenth: the scale is common", high=0.1, baseline="PCA", null="permuted pairs",
    ),
    Claim(
        "orthogonality", "002, section III", "|z_FM . z_AFM| is near zero: the order parameters are independent axes",
        "mean |cos| of the angle between an FM and an AFM sample's code",
        "0.2; random directions of a plane have 0.64", high=0.2, baseline="PCA", null="random directions",
    ),
)  # fmt: skip


def compute(size: Size, shelf: Shelf) -> Numbers:
    """Decoded plane of the first seed; alignment, distances and angles of every seed."""
    runs = sweep(size, shelf, (100.0,))[100.0]
    kinds = ("branch_x", "branch_z", "pca_branch_z")
    distances = {kind: np.array([_distances(run["states"], run[kind]) for run in runs]) for kind in kinds}
    ratios = {kind: distances[kind] / distances["branch_x"] for kind in kinds}
    halves = {kind: np.array([_asymmetry(run["states"], run[kind]) for run in runs]) for kind in kinds}
    rng = np.random.default_rng(0)
    shuffled = np.array([rng.permutation(distances["branch_z"][0]) for _ in range(200)]) / distances["branch_x"][0]
    turns = rng.uniform(0, np.pi, 2000)
    first = runs[0]
    return {
        "plane": first["plane"], "plane_x": first["plane_x"], "plane_y": first["plane_y"],
        "axis": np.array([_axis_of_magnetization(first)]),
        "Z": first["Z"].astype(np.float16), "state": first["state"],
        "order_parameters": first["order_parameters"].astype(np.float16),
        "distance_x": distances["branch_x"], "distance_z": distances["branch_z"],
        "distance_pca": distances["pca_branch_z"],
        "claim.decoded_order": np.array([_alignment_of_plane(run) for run in runs]),
        "baseline.decoded_order": np.array([_alignment_of_components(run) for run in runs]),
        "claim.equal_branches": halves["branch_z"],
        "baseline.equal_branches": halves["pca_branch_z"],
        "null.equal_branches": halves["branch_x"],
        "claim.isometry": ratios["branch_z"].std(axis=1) / ratios["branch_z"].mean(axis=1),
        "baseline.isometry": ratios["pca_branch_z"].std(axis=1) / ratios["pca_branch_z"].mean(axis=1),
        "null.isometry": (shuffled.std(axis=1) / shuffled.mean(axis=1)).mean(keepdims=True),
        "claim.orthogonality": np.array([_mean_cosine(run["Z"], run["state"]) for run in runs]),
        "baseline.orthogonality": np.array([_mean_cosine(run["pca_Z"], run["state"]) for run in runs]),
        "null.orthogonality": np.abs(np.cos(turns)).mean(keepdims=True),
    }  # fmt: skip


@styled
def draw(numbers: Numbers) -> Any:
    """The decoded plane, order parameters along its axes, and the isometry."""
    figure = JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, 74 * MILLIMETRE), layout="constrained")
    grid = figure.add_gridspec(2, 3, width_ratios=(1.5, 1, 1.15))
    _draw_plane(figure.add_subplot(grid[:, 0]), numbers)
    for row in range(2):
        _draw_along(figure.add_subplot(grid[row, 1]), numbers, row)
    _draw_distances(figure.add_subplot(grid[:, 2]), numbers)
    return figure


def _draw_plane(ax: Axes, numbers: Numbers) -> None:
    means, x, y = numbers["plane"].astype(float), numbers["plane_x"], numbers["plane_y"]
    every = slice(None, None, 2)
    shown = means[every, every][::-1]  # the second latent upwards
    rows, columns, height, width = shown.shape
    framed = np.full((rows, columns, height + 2, width + 2), np.nan)
    framed[:, :, 1:-1, 1:-1] = shown
    picture = framed.swapaxes(1, 2).reshape(rows * (height + 2), columns * (width + 2))
    dx, dy = x[2] - x[0], y[2] - y[0]
    extent = (x[0] - dx / 2, x[-1] + dx / 2, y[0] - dy / 2, y[-1] + dy / 2)
    ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1, extent=extent, aspect="auto", interpolation="nearest")
    ax.set(xlabel="$z_1$", ylabel="$z_2$")
    tag(ax, "a", "decoded means $m_k(z)$")


def _draw_along(ax: Axes, numbers: Numbers, row: int) -> None:
    """Order parameter `row` along its own axis (solid) and the other (dashed), through the middle of the codes."""
    axis = int(numbers["axis"][0]) if row == 0 else 1 - int(numbers["axis"][0])
    planes = _parameters(numbers["plane"].astype(float))
    coordinates = (numbers["plane_x"], numbers["plane_y"])
    for which, style in ((axis, "-"), (1 - axis, "--")):
        middle = len(coordinates[1 - which]) // 2
        line = planes[middle, :, row] if which == 0 else planes[:, middle, row]
        ax.plot(coordinates[which], line, style, color=INK, zorder=3)
    Z, values = numbers["Z"].astype(float), numbers["order_parameters"].astype(float)
    for name, colour in colours_of(numbers["state"]).items():
        here = numbers["state"] == name
        ax.plot(Z[here, axis], values[here, row], ".", color=colour, ms=1.5, mew=0, alpha=0.6, rasterized=True)
    ax.set(xlabel=f"$z_{axis + 1}$ (dashed: $z_{2 - axis}$)", ylabel=("$m$", "$m_s$")[row], ylim=(-1.1, 1.1))
    tag(ax, "bc"[row], ("magnetisation", "staggered magnetisation")[row])


def _draw_distances(ax: Axes, numbers: Numbers) -> None:
    there = numbers["distance_x"]
    for name, colour, marker, label in (
        ("distance_z", PALETTE[0], "o", "β-VAE"), ("distance_pca", PALETTE[1], "x", "PCA, scaled"),
    ):  # fmt: skip
        here = numbers[name] * (numbers["distance_z"].mean() / numbers[name].mean())
        ax.plot(there.ravel(), here.ravel(), marker, color=colour, ms=3.5, label=label)
    reach = there.max() * 1.05
    scale = (numbers["distance_z"] * there).sum() / (there**2).sum()
    ax.plot([0, reach], [0, scale * reach], color=GREY, lw=0.8, label="one scale")
    ax.set(xlabel="distance of states in configurations", ylabel="distance in codes", xlim=(0, reach), ylim=(0, None))
    ax.legend(loc="upper left")
    tag(ax, "d", "isometry")


def _parameters(planes: NDArray) -> NDArray[np.float64]:
    """Magnetisation and staggered magnetisation of decoded means, (ny, nx, 2)."""
    flat = 2.0 * planes.reshape(-1, *planes.shape[2:]) - 1.0
    return np.stack(list(order_parameters(flat).values()), axis=1).reshape(*planes.shape[:2], 2)


def _correlations_of_plane(run: Numbers) -> NDArray[np.float64]:
    """|Pearson| over the decoded plane of m and m_s with the two coordinates, (order parameter, latent)."""
    z = np.stack(np.meshgrid(run["plane_x"], run["plane_y"]), axis=-1).reshape(-1, 2)
    values = _parameters(run["plane"].astype(float)).reshape(-1, 2)
    return np.abs(np.corrcoef(values.T, z.T)[:2, 2:])


def _axis_of_magnetization(run: Numbers) -> int:
    return int(_correlations_of_plane(run)[0].argmax())


def _alignment_of_plane(run: Numbers) -> float:
    """The smaller correlation when m and m_s are given different axes, the better of the two ways."""
    return _matched(_correlations_of_plane(run))


def _alignment_of_components(run: Numbers) -> float:
    """The same of the plane of the principal components, decoded linearly: gradients of m and m_s in it."""
    scores, values = run["pca_Z"].astype(float), run["order_parameters"].astype(float)
    gradients = np.linalg.lstsq(scores, values, rcond=None)[0].T * scores.std(axis=0)
    return _matched(np.abs(gradients) / np.linalg.norm(gradients, axis=1, keepdims=True))


def _matched(correlations: NDArray) -> float:
    return float(max(correlations.diagonal().min(), correlations[::-1].diagonal().min()))


def _distances(states: NDArray, means: NDArray) -> NDArray[np.float64]:
    """First-moment distances between the means of the five states, all ten pairs."""
    from scipy.spatial.distance import pdist

    order = [states.tolist().index(name) for name in _STATES]
    return pdist(means[order].reshape(len(_STATES), -1).astype(np.float64))


def _asymmetry(states: NDArray, means: NDArray) -> float:
    """The larger over the smaller of d(P+, P_PM) and d(P-, P_PM), the worse of FM and AFM."""
    flat = dict(zip(states.tolist(), means.reshape(len(means), -1).astype(np.float64), strict=True))
    ratios = []
    for phase in ("FM", "AFM"):
        plus, minus = (np.linalg.norm(flat[phase + sign] - flat["PM"]) for sign in "+-")
        ratios.append(max(plus, minus) / min(plus, minus))
    return float(max(ratios))


def _mean_cosine(Z: NDArray, states: NDArray) -> float:
    """Mean |cos| between the codes of FM and of AFM samples."""
    unit = Z.astype(np.float64) / np.linalg.norm(Z.astype(np.float64), axis=1, keepdims=True)
    fm, afm = (unit[np.char.startswith(states, phase)] for phase in ("FM", "AFM"))
    return float(np.abs(fm @ afm.T).mean())
