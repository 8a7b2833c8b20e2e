"""What the explorer's page holds of an analysis: the same samples in every training, its decoder, states and levels.

The scene is plain values and named arrays; static/scene.js reads it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.base.results import Analysis
from zeeman.report.export import Absent, PageDecoder
from zeeman.report.states import export_states
from zeeman.report.words import minus

__all__ = ["Scene", "packed_scene", "scene_of"]

Scene = tuple[dict[str, Any], dict[str, NDArray]]
_MOST_POINTS = 4000
_MOST_STATES = 6  # coordinates kept for every sample
_MOST_REAL = 900_000  # bytes of real samples
_PALETTE = (
    "#2b83bd", "#d9641b", "#1b9e7a", "#c777a5", "#d99a1c", "#5fb0dd", "#6a5fb5", "#a3446f", "#93932f", "#44aa99",
)  # fmt: skip


def scene_of(
    analysis: Analysis,
    decoders: Sequence[PageDecoder | Absent] = (),
    samples: NDArray | None = None,
    *,
    most_bytes: float = 9e6,
) -> Scene:
    """Return what the page's explorer reads: plain values, and arrays.

    Parameters
    ----------
    analysis : Analysis
    decoders : sequence of PageDecoder or Absent
        One a training, those of `analysis.retrainings` in order, or of the only one.
    samples : ndarray, (sample, site...), optional
        The data in the units of the decoder's means, to show those nearest to a point.
    most_bytes : float
        Room for all of it as text; decoders that do not fit are left to the server, and the page says so.
    """
    first = analysis.best_replica if analysis.retrainings is not None else 0
    shown = np.sort(stream(0, "report points").permutation(len(analysis.Z))[:_MOST_POINTS])
    data, arrays = _samples(analysis, shown)
    trainings = _trainings(analysis, shown, arrays)
    data |= {
        "latentDim": analysis.latent_dim, "nReplicas": analysis.n_replicas, "best": first, "trainings": trainings,
        "axes": _axis_names(analysis), "start": _start(analysis, shown), "spins": None,
        "picture": _picture(analysis, decoders, samples), "real": _real(samples, shown, arrays),
        "diagrams": _diagrams(analysis, arrays),
    }  # fmt: skip
    if analysis.spins is not None and _weighed(analysis, decoders):
        sites = analysis.spins
        data["spins"] = {
            "patterns": list(sites.patterns), "couplings": dict(sites.couplings), "field": sites.field,
            "about": sites.about,
        }  # fmt: skip
        arrays["bonds"] = sites.bonds.astype(np.int32)
        strengths = np.ones(len(sites.bonds)) if sites.strengths is None else sites.strengths
        arrays["strengths"] = strengths.astype(np.float32)
        arrays |= {f"pattern {k}": np.ravel(v).astype(np.float32) for k, v in analysis.spins.patterns.items()}
    room = most_bytes - sum((a.size / 8 if a.dtype == bool else a.nbytes) * 4 / 3 for a in arrays.values())
    for r, decoder in enumerate(_fitting(decoders, room, first)):
        trainings[r] |= _decoder(decoder, r, arrays)
    return data, arrays


def _samples(analysis: Analysis, shown: NDArray) -> Scene:
    """What is known of the samples themselves: labels, groups, colours, and draws for clouds at any strength."""
    known = np.asarray(analysis.phases if analysis.phases is not None else analysis.clusters)
    fine = np.asarray(analysis.states) if analysis.states is not None else known
    phases, labels = np.unique(known, return_inverse=True)
    groups, members = np.unique(fine, return_inverse=True)
    colours = iter(_PALETTE * (1 + len(phases) // len(_PALETTE)))
    rng = stream(0, "report cloud")
    arrays: dict[str, NDArray] = {
        "labels": labels.reshape(-1)[shown].astype(np.uint16),
        "groups": members.reshape(-1)[shown].astype(np.uint16),
        "noise": rng.standard_normal((len(shown), 2)).astype(np.float16),
        "share": rng.random(len(shown)).astype(np.float16),
    }
    data: dict[str, Any] = {
        "labelled": analysis.phases is not None,
        "labels": [minus(phase) for phase in phases],
        "groups": [minus(group) for group in groups],
        "colours": ["#868c91" if str(phase) == "PM" else next(colours) for phase in phases],
        "clusterNames": _cluster_names(analysis, fine),
    }
    return data, arrays


def packed(array: NDArray, storage: str | None = None) -> dict[str, Any]:
    """One array as text: base64 of little-endian numbers; "float24" drops the last byte of single precision."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    if array.dtype == bool:
        bits = np.packbits(array.ravel(), bitorder="little")
        return {"dtype": "bits", "data": _text(bits), "count": array.size}
    if storage == "float24":
        return {"dtype": "float24", "data": _text(little.view(np.uint8).reshape(-1, 4)[:, 1:])}
    return {"dtype": array.dtype.name, "data": _text(little)}


def as_json(value: Any) -> str:
    """Write JSON that cannot close its own script element."""
    text = json.dumps(value, default=lambda v: v.tolist(), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028")


def packed_scene(scene: Scene) -> tuple[str, str]:
    """The scene as two texts, plain values and arrays."""
    data, arrays = scene
    storage = {
        name: record.get("storage")
        for training in data["trainings"]
        for layer in (training["decoder"] or {"layers": []})["layers"]
        for key, name in layer.get("arrays", {}).items()
        if key == "weight"
        for record in (training["decoder"],)
    }
    return as_json(data), as_json({name: packed(array, storage.get(name)) for name, array in arrays.items()})


def _trainings(analysis: Analysis, shown: NDArray, arrays: dict[str, NDArray]) -> list[dict[str, Any]]:
    several = analysis.retrainings
    spaces = several.spaces if several is not None else [analysis.Z]
    names = several.names if several is not None else [analysis.name]
    found: list[dict[str, Any]] = []
    for r, (Z, name) in enumerate(zip(spaces, names, strict=True)):
        clusters, coordinates, record = _states(analysis, r, arrays)
        arrays[f"codes {r}"] = Z[shown].astype(np.float32)
        arrays[f"lifted {r}"] = coordinates[shown, :_MOST_STATES].astype(np.float16)
        arrays[f"clusters {r}"] = clusters[shown].astype(np.uint16)
        if analysis.codes is not None and r < analysis.codes.n_replicas:
            replica = r if several is not None else analysis.best_replica
            arrays[f"scale {r}"] = analysis.codes.scale[replica][shown].astype(np.float16)
        found.append({"name": str(name), "latent": Z.shape[1], "states": record, "decoder": None, "output": None,
                      "note": "This page holds no decoder."})  # fmt: skip
    return found


def _decoder(decoder: PageDecoder | Absent, r: int, arrays: dict[str, NDArray]) -> dict[str, Any]:
    """What a training's record says of its decoder, whose arrays get its number."""
    if isinstance(decoder, Absent):
        return {"output": decoder.reading, "note": decoder.note}
    layers = [
        {**layer, "arrays": {key: f"{r} {value}" for key, value in layer["arrays"].items()}}
        for layer in decoder.spec["layers"]
    ]
    arrays |= {f"{r} {key}": value for key, value in decoder.arrays.items()}
    return {
        "decoder": {"latent": decoder.spec["latent"], "layers": layers, "storage": decoder.storage},
        "output": decoder.reading, "note": decoder.note, "approximate": decoder.error > 0,
    }  # fmt: skip


def _fitting(decoders: Sequence[PageDecoder | Absent], most_bytes: float, first: int) -> list[PageDecoder | Absent]:
    """Keep decoders while there is room, the one shown first before all others."""
    kept: list[PageDecoder | Absent] = list(decoders)
    for r in sorted(range(len(kept)), key=lambda r: r != first):
        decoder = kept[r]
        if not isinstance(decoder, PageDecoder):
            continue
        most_bytes -= decoder.text_bytes
        if most_bytes < 0:
            why = "This training's decoder does not fit in the page; `zeeman explore RUN` runs it."
            kept[r] = Absent(why, decoder.reading)
    return kept


def _states(analysis: Analysis, r: int, arrays: dict[str, NDArray]) -> tuple[NDArray, NDArray, dict[str, Any] | None]:
    """Clusters, coordinates and the record of the states of a training, in the common frame if there is one."""
    if analysis.retrainings is None:
        if analysis.spectrum is None:
            return analysis.clusters, analysis.coordinates, None
        record, values = export_states(analysis.spectrum, r)
        arrays |= values
        return analysis.clusters, analysis.coordinates, record
    lift = analysis.retrainings.lift
    spectrum = lift.spectra[r]
    order = _common_numbers(spectrum.labels_, lift.labels[r], spectrum.n_clusters_)
    record, values = export_states(spectrum, r, lift.rotations[r], order)
    arrays |= values
    return lift.labels[r], lift.coordinates[r], record


def _common_numbers(own: NDArray, common: NDArray, k: int) -> NDArray[np.integer]:
    """Number in the common frame of each of a training's clusters; those without samples take what is left."""
    order = np.full(k, -1)
    for cluster in np.unique(own):
        order[cluster] = common[own == cluster][0]
    order[order < 0] = np.setdiff1d(np.arange(k), order)
    return order


def _start(analysis: Analysis, shown: NDArray) -> int:
    """The sample nearest to the middle of the cluster whose middle is farthest to the right."""
    Z, clusters = analysis.Z[shown], analysis.clusters[shown]
    middles = [np.median(Z[clusters == cluster], axis=0) for cluster in np.unique(clusters)]
    right = max(middles, key=lambda middle: middle[0])
    return int(np.argmin(((Z - right) ** 2).sum(axis=1)))


def _cluster_names(analysis: Analysis, fine: NDArray) -> list[str]:
    """What is known of each cluster, in the common numbers if there are several trainings."""
    if analysis.phases is None and analysis.states is None:
        return []
    several = analysis.retrainings
    clusters = analysis.clusters if several is None else several.lift.labels[analysis.best_replica]
    names = []
    for cluster in range(int(clusters.max()) + 1):
        values, counts = np.unique(fine[clusters == cluster], return_counts=True)
        names.append(
            f", {100 * counts.max() / counts.sum():.0f} % {minus(values[counts.argmax()])}" if len(values) else ""
        )
    return names


def _axis_names(analysis: Analysis) -> list[str] | None:
    table = analysis.correlations
    if table is None or not len(table):
        return None
    names = []
    for axis in range(analysis.latent_dim):
        row, symbol = int(np.argmax(table[:, axis])), "z" + "".join("₀₁₂₃₄₅₆₇₈₉"[int(c)] for c in str(axis + 1))
        carried = table[row, axis] >= 0.5
        names.append(symbol + (f", {list(analysis.order_parameters)[row].replace('_', ' ')}" if carried else ""))
    return names


def _picture(analysis: Analysis, decoders: Sequence[PageDecoder | Absent], samples: NDArray | None) -> dict[str, Any]:
    """Rows, columns and grey range of a decoded datum; no range: the page takes that of its own samples."""
    reading = next((d.reading for d in decoders if d.reading is not None), None)
    if reading is None:
        return {"shape": [1, 1], "range": [0.0, 1.0]}
    made, output, sites = tuple(reading["shape"]), reading["output"], _sites(reading)
    known = samples.shape[1:] if samples is not None else _known(analysis)
    shape = known if known is not None and np.prod(known) == sites else made[1:] or made
    rows = shape[0] if len(shape) > 1 else 1
    top = made[0] - 1.0 - reading["tempered"] if output in ("softmax", "expectation") else 1.0
    low = float(reading.get("low", 0))
    return {"shape": [rows, sites // rows], "range": None if output == "identity" else [low, low + top]}


def _sites(reading: Mapping[str, Any]) -> int:
    """Sites of one decoded datum; every channel of a plain one counts."""
    made, tempered = tuple(reading["shape"]), reading["tempered"]
    channels = made[0] - tempered if len(made) > 1 and reading["output"] in ("sigmoid", "identity") else 1
    return int(channels * np.prod(made[1:] if len(made) > 1 else made))


def _known(analysis: Analysis) -> tuple[int, ...] | None:
    return next((d.configurations.shape[1:] for d in analysis.real.values()), None)


def _weighed(analysis: Analysis, decoders: Sequence[PageDecoder | Absent]) -> bool:
    """Whether decoded data are shares of spins up whose bonds are known."""
    readings = [d.reading for d in decoders if d.reading is not None]
    return analysis.spins is not None and all(
        one["output"] == "sigmoid" and _sites(one) == np.size(pattern)
        for one in readings
        for pattern in analysis.spins.patterns.values()
    )


def _real(samples: NDArray | None, shown: NDArray, arrays: dict[str, NDArray]) -> dict[str, Any] | None:
    if samples is None:
        return None
    flat = samples.reshape(len(samples), -1)
    binary = bool(np.isin(flat, (0, 1)).all())
    each = flat.shape[1] / 8 if binary else 2 * flat.shape[1]
    count = min(len(shown), max(1, int(_MOST_REAL / each)))
    chosen = np.sort(stream(0, "report pictures").permutation(len(shown))[:count])
    arrays["pictured"] = chosen.astype(np.int32)
    values = flat[shown[chosen]]
    largest = np.finfo(np.float16).max
    arrays["real"] = values.astype(bool) if binary else np.clip(values, -largest, largest).astype(np.float16)
    return {"sites": flat.shape[1]}


def _diagrams(analysis: Analysis, arrays: dict[str, NDArray]) -> dict[str, Any]:
    found = {}
    for path, diagram in analysis.diagrams.items():
        arrays[f"diagram {path}"] = diagram.energies.astype(np.float32)
        found[path] = {"strength": diagram.strength, "states": diagram.energies.shape[1]}
    return found


def _text(array: NDArray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
