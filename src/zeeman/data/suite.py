"""The certified suite: a folder of stores, one a model and size, with an index that says what each was held against.

``zm.BetaVAE().fit(zm.data.open_suite("runs/suite")["xy-square-L16"])`` trains on one of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeeman.base.checks import did_you_mean
from zeeman.base.store import read_json
from zeeman.data.dataset import open_dataset

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["INDEX", "Suite", "open_suite"]

INDEX = "index.json"


class Suite(Mapping[str, "xr.Dataset"]):
    """Entries by name; each is read when it is asked for.

    Attributes
    ----------
    folder : Path
    entries : dict
        What the index says of every entry: model, lattice, temperatures, checks, certified, content_hash.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        index = self.folder / INDEX
        if not index.is_file():
            raise FileNotFoundError(
                f"no suite in {folder}: there is no {INDEX} in it; `zeeman simulate suite` makes one"
            )
        self.entries: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in read_json(index)["entries"]}

    def __getitem__(self, name: str) -> xr.Dataset:
        return open_dataset(self.path(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def path(self, name: str) -> Path:
        """Store of an entry; KeyError names near ones."""
        if name not in self.entries:
            raise KeyError(f"no entry {name!r}{did_you_mean(name, tuple(self.entries))}; there are {', '.join(self)}")
        return self.folder / self.entries[name]["store"]

    def to_frame(self) -> pd.DataFrame:
        """The index as a table, a row an entry."""
        import pandas as pd

        plain = [{k: v for k, v in entry.items() if not isinstance(v, (dict, list))} for entry in self.entries.values()]
        return pd.DataFrame(plain).set_index("name")


def open_suite(folder: str | os.PathLike[str] = "runs/suite") -> Suite:
    """Open the folder that `zeeman simulate suite` filled: a mapping from names to data sets."""
    return Suite(folder)
