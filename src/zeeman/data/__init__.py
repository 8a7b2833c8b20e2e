"""Data sets: what a model is trained on, where it comes from and how it is kept.

Rooms: `dataset` xarray data sets in zarr with packed bits, written so that a kill loses nothing acknowledged;
`generate` from a sampler to a data set; `sources` any file or built-in data set to one checked array; `annotated`
cells, in and out; `labelled` coordinates for what is computed from a labelled array.
"""

from __future__ import annotations

from zeeman.data.annotated import Annotation, annotate, counts_of, embedding_of, write_back
from zeeman.data.dataset import DatasetWriter, open_dataset, store_header, write_dataset
from zeeman.data.generate import generate_to, is_two_state, three_phases, three_phases_to
from zeeman.data.labelled import labelled
from zeeman.data.loaded import Loaded
from zeeman.data.sources import BUILT_IN, load
from zeeman.data.suite import Suite, open_suite

__all__ = [
    "BUILT_IN",
    "Annotation",
    "DatasetWriter",
    "Loaded",
    "Suite",
    "annotate",
    "counts_of",
    "embedding_of",
    "generate_to",
    "is_two_state",
    "labelled",
    "load",
    "open_dataset",
    "open_suite",
    "store_header",
    "three_phases",
    "three_phases_to",
    "write_back",
    "write_dataset",
]
