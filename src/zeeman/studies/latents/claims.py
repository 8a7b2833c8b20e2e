"""What is claimed of every model's latent space, with the interval and its reason, and the numbers it is judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.studies.figures.claims import Claim, Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size
from zeeman.studies.latents.cases import Case
from zeeman.studies.latents.multiplets import centres, random_splittings, splittings
from zeeman.studies.latents.pieces import trained

__all__ = ["caption_of", "claims_of", "numbers_of"]

_SOURCE = "ours"


def claims_of(case: Case) -> tuple[Claim, ...]:
    """Correlation, shape, multiplets, and how many clusters are counted."""
    return (*_order(case), *_shape(case), *_levels(case), _counted(case))


def caption_of(case: Case) -> str:
    """What the figure shows."""
    names = ", ".join(f"{one.name} ({one.size})" for one in case.multiplets)
    colour = {
        "circle": "the angle of the magnetisation", "sphere": "the third component of the magnetisation",
        "strip": "the magnetisation",
    }.get(case.shape, "the state of most sites")  # fmt: skip
    move = "the best linear map" if case.shape == "strip" else "the best rotation, scale and shift"
    hidden = "; the half of the sphere that faces the reader" if case.shape == "sphere" else ""
    levels = (
        f"Levels in units of the first one above the {case.n_clusters} ordered states, every seed a line: of cold "
        "codes, where the states are one ground level, and of codes at all temperatures, where hops split it"
        if case.discrete
        else "Levels of cold codes in units of the first multiplet, every seed a line; grey: a rotor"
    )
    return (
        f"Configurations that the network never saw, coloured by {colour}; strong: at T = {case.cold * case.unit:.3g}; "
        f"faint: at seven temperatures from {case.temperatures[0] * case.unit:.3g} to "
        f"{case.temperatures[-1] * case.unit:.3g}. (a) Codes of a beta-VAE with {case.latent_dim} latents, first seed, "
        f"moved to the order parameter by {move} of other samples{hidden}. (b) As many principal components of the "
        f"natural features, by the same. (c) {levels}; multiplets of {case.symmetry} by name, with their dimension: "
        f"{names}. (d) Held-out correlation, blue of the codes, orange of the components, with "
        + (
            "m and <s²> by a linear map."
            if case.shape == "strip"
            else "the order parameter: by a linear map, and by the ten nearest codes, which sees any map."
        )
        + " Marks are seeds, lines their means."
    )


def numbers_of(case: Case, size: Size, shelf: Shelf) -> Numbers:
    """Train and read every seed; one value of every claim a seed."""
    runs = [trained(case, seed, size, shelf) for seed in shelf.each(size.seeds, f"{case.key}, seed")]
    table: dict[str, NDArray] = {
        name: np.array([run[name] for run in runs])
        for name in ("correlation", "shape", "energies", "all_energies", "n_clusters", "beta")
    }  # fmt: skip
    levels = table["all_energies" if case.discrete else "energies"]
    table["splittings"] = np.apply_along_axis(splittings, -1, levels, case.sizes)
    table["multiplets"] = np.apply_along_axis(centres, -1, levels, case.sizes)
    shown = {name: runs[0][name] for name in ("codes", "target", "states", "temperature", "cold")}
    judged = _judged_order(case, table) | _judged_shape(case, table) | _judged_levels(case, table, runs)
    null = {"null.order": np.concatenate([run["null"] for run in runs])}
    return table | shown | judged | null


def _order(case: Case) -> tuple[Claim, ...]:
    what = "the magnetisation and the share of occupied sites" if case.shape == "strip" else "the order parameter"
    claims = [
        Claim(
            "order", _SOURCE, f"The code is {what}, up to a linear map",
            "held-out multiple correlation R of the code with it, over all temperatures",
            "0.97: six per cent of the variance are left to the code's bend where it saturates", low=0.97,
            baseline="PCA", null="permuted samples",
        ),
        Claim(
            "holds_order", _SOURCE, f"The code says {what}, however bent it is",
            "held-out R of the mean over the ten nearest codes", "the interval of the linear map", low=0.97,
            baseline="PCA",
        ),
    ]  # fmt: skip
    if case.shape == "strip":
        claims += [
            Claim("m", _SOURCE, "One direction of the code is the magnetisation", "held-out |correlation| with m",
                  "a direction that is m leaves two per cent of its variance", low=0.99, baseline="PCA"),
            Claim("s2", _SOURCE, "Another is the share of occupied sites, <s²>", "held-out |correlation| with <s²>",
                  "0.9: it is the weaker of the two and saturates on both sides", low=0.9, baseline="PCA"),
        ]  # fmt: skip
    return tuple(claims)


def _judged_order(case: Case, table: Numbers) -> dict[str, NDArray]:
    names = {"order": 0, "holds_order": 2} | ({"m": 3, "s2": 4} if case.shape == "strip" else {})
    return {
        f"{kind}.{name}": table["correlation"][:, i, place]
        for name, place in names.items() for i, kind in enumerate(("claim", "baseline"))
    }  # fmt: skip


def _shape(case: Case) -> tuple[Claim, ...]:
    if case.shape in ("circle", "sphere"):
        return (
            Claim("direction", _SOURCE, "The code points where the magnetisation points",
                  "mean cosine of the angle between the two, cold", "0.99: within eight degrees", low=0.99,
                  baseline="PCA"),
            Claim("radius", _SOURCE, f"Cold codes lie on a {case.shape}",
                  "standard deviation over mean of their distance from the centre",
                  "0.15: a Gaussian cloud has 0.52 in two dimensions, 0.42 in three", high=0.15, baseline="PCA"),
        )  # fmt: skip
    if case.shape == "strip":
        return (
            Claim("apart", _SOURCE, "m and <s²> are two directions of the code, cold",
                  "|cos| of the angle between them", "0.5: at least 60 degrees apart", high=0.5, baseline="PCA"),
            Claim("corners", _SOURCE, "Two clusters of cold codes are the two signs",
                  "adjusted Rand index of two k-means clusters", "0.98: one in two hundred is on its way", low=0.98,
                  baseline="PCA"),
        )  # fmt: skip
    figure = "regular simplex" if case.shape == "simplex" else "regular polygon"
    edges = "any two corners" if case.shape == "simplex" else "neighbouring corners"
    return (
        Claim("edges", _SOURCE, f"The mean codes of the {case.n_clusters} states are the corners of a {figure}",
              f"shortest over longest distance of {edges}, cold", "0.9: edges equal within ten per cent", low=0.9,
              baseline="PCA"),
        Claim("corners", _SOURCE, f"{case.n_clusters} clusters of cold codes are the states",
              "adjusted Rand index of k-means clusters and the state of most sites",
              "0.9: near the transition some configurations are between two states", low=0.9, baseline="PCA"),
    )  # fmt: skip


def _judged_shape(case: Case, table: Numbers) -> dict[str, NDArray]:
    names = {"circle": ("direction", "radius"), "sphere": ("direction", "radius"), "strip": ("apart", "corners")}
    return {
        f"{kind}.{name}": table["shape"][:, i, place]
        for place, name in enumerate(names.get(case.shape, ("edges", "corners")))
        for i, kind in enumerate(("claim", "baseline"))
    }  # fmt: skip


def _levels(case: Case) -> tuple[Claim, ...]:
    named, q = " + ".join(f"{one.name} ({one.size})" for one in case.multiplets), sum(case.sizes)
    claims = []
    if case.discrete:
        claims.append(
            Claim("ground", _SOURCE, f"In the cold the {q} ordered states are one {q}-fold ground level",
                  f"E_{q - 1} / E_{q} of cold codes", "0.25: the gap above it is three times its width at least",
                  high=0.25, baseline="PCA", null="isotropic Gaussian")
        )  # fmt: skip
    if max(case.sizes) > 1:
        where = "codes at all temperatures, where hops are seen" if case.discrete else "cold codes"
        claims.append(
            Claim("multiplets", _SOURCE, f"The lowest levels are the multiplets {named} of {case.symmetry}",
                  f"largest splitting, width over width plus the smaller gap beside it, of {where}",
                  "0.25: gaps at least three times the width", high=0.25, baseline="PCA",
                  null="levels that know nothing of one another")
        )  # fmt: skip
    if not case.discrete:
        ideal = case.multiplets[2].ideal
        claims.append(
            Claim("ratio", _SOURCE, f"They are a rotor's: the second multiplet at {ideal:g} times the first",
                  "ratio of their mean energies, cold", "12.5 per cent about it", low=0.875 * ideal,
                  high=1.125 * ideal, baseline="PCA", null="isotropic Gaussian")
        )  # fmt: skip
    return tuple(claims)


def _judged_levels(case: Case, table: Numbers, runs: list[Numbers]) -> dict[str, NDArray]:
    q = sum(case.sizes)
    null = np.array([run["gaussian"] for run in runs])
    found = {"null.multiplets": random_splittings(case.sizes, stream(0, "null"))}
    for kind, i in (("claim", 0), ("baseline", 1)):
        found[f"{kind}.clusters"] = table["n_clusters"][:, i]
        found[f"{kind}.multiplets"] = table["splittings"][:, i].max(axis=1)
    for kind, levels in (("claim", table["energies"][:, 0]), ("baseline", table["energies"][:, 1]), ("null", null)):
        if case.discrete:
            found[f"{kind}.ground"] = levels[:, q - 1] / levels[:, q]
        else:
            middle = np.apply_along_axis(centres, -1, levels, case.sizes)
            found[f"{kind}.ratio"] = middle[:, 2] / middle[:, 1]
    return found


def _counted(case: Case) -> Claim:
    k = case.n_clusters
    says, why = (
        (f"{k} separated sets are counted", "the number of ordered states, found without being told")
        if k > 1
        else ("One set is counted", "the ordered states are a continuum: a circle or a sphere is one piece")
    )
    measure = "n_clusters of the spectrum of the cold codes"
    return Claim("clusters", _SOURCE, says, measure, why, low=k, high=k, baseline="PCA")
