"""Tables: .csv .tsv .txt, .parquet and .h5ad, each to one checked record: columns are features, one may hold labels.

A column is a feature if it holds numbers, the labels if it is asked for or called so, an index if it has no name;
anything else stops with the column, the row and the value in the message.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zeeman.base.checks import did_you_mean
from zeeman.data.loaded import LABEL_NAMES, Loaded, build

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_csv", "read_h5ad", "read_parquet"]

_MISSING = {"", "na", "n/a", "nan", "null", "none", "<na>"}
_LOOKED_AT = 200  # rows from which a header is told
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", r"\s+": "space"}


def read_csv(path: Path, *, key: str | None = None, label_column: str | None = None) -> Loaded:
    """Read a text table; delimiter, header, decimal comma, index and label columns are detected and noted.

    Lines that begin with # are comments before the first row and rows after it.
    """
    _no_key(path, key)
    text = _text(path)
    lines = [line for line in re.split(r"\r\n?|\n", text) if line.strip()]
    comments = list(itertools.takewhile(lambda line: line.startswith("#"), lines))
    rows = lines[len(comments) :]
    if not rows:
        raise ValueError(f"{path} is empty (no rows): check how it was written")
    delimiter = _delimiter(rows[:20])
    first, *below = (_cells(row, delimiter) for row in rows[:_LOOKED_AT])
    second = below[0] if below else []
    header, why = _header(first, below)
    names = (
        first if header else _names_in_comment(comments, delimiter, len(first)) or [str(i) for i in range(len(first))]
    )
    names = _matched(names, second if header else first, path, header)
    frame = _parsed(path, "\n".join(rows[header:]), delimiter, names)
    notes = [
        f"read {path.name}: {_DELIMITERS[delimiter]}-separated, {'with' if header else 'no'} header line",
        *why,
        *(["decimal commas were read as points"] if _decimal_comma(rows[header:], delimiter) else []),
    ]
    return _from_frame(frame, path, label_column, notes, named=header or bool(comments))


def read_parquet(path: Path, *, key: str | None = None, label_column: str | None = None) -> Loaded:
    """Read a Parquet table (needs pyarrow: ``pip install zeeman[parquet]``)."""
    _no_key(path, key)
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"reading {path} needs pyarrow: pip install zeeman[parquet]") from error
    try:
        frame = pyarrow.parquet.read_table(path).to_pandas()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as Parquet ({error}): it may be truncated; write it again") from error
    return _from_frame(frame, path, label_column, [f"read {path.name}"], named=True)


def read_h5ad(path: Path, *, key: str | None = None, label_column: str | None = None) -> Loaded:
    """Read ``.X`` of an AnnData file, or ``obsm:NAME`` or ``layers:NAME`` (``pip install zeeman[sc]``).

    Values are taken as they stand: no normalisation, no logarithm. The matrix of counts is not loaded where it is not
    asked for.
    """
    try:
        import anndata
    except ImportError as error:
        raise ImportError(f"reading {path} needs anndata: pip install zeeman[sc]") from error
    elsewhere = key is not None and key.startswith("obsm:")
    try:
        data = anndata.read_h5ad(path, backed="r" if elsewhere else None)
        if elsewhere:
            data.file.close()  # what is not in memory now stays on disk
    except Exception as error:  # h5py and anndata raise many kinds
        raise OSError(f"{path} cannot be read as AnnData ({error}): it may be truncated; write it again") from error
    matrix, what, names = _h5ad_matrix(data, key, path)
    notes = [f"read {what} of {path.name} as it stands (no normalisation, no logarithm)"]
    if hasattr(matrix, "toarray"):
        notes.append(f"sparse matrix made dense, {np.prod(matrix.shape) * matrix.dtype.itemsize / 2**20:.0f} MiB")
        matrix = matrix.toarray()
    label, note = _label_column(data.obs, label_column, path)
    labels = None if label is None else _category_values(data.obs[label])
    return build(
        matrix, name=path.stem, where=f"{path}: {what}", labels=labels, feature_names=names, notes=[*notes, *note]
    )


def _from_frame(frame: pd.DataFrame, path: Path, label_column: str | None, notes: list[str], named: bool) -> Loaded:
    if frame.empty:
        raise ValueError(f"{path} is empty: {len(frame)} rows of {frame.shape[1]} columns; check how it was written")
    frame = frame.rename(columns=str)
    label, note = _label_column(frame, label_column, path)
    notes = [*notes, *note]
    labels = None if label is None else _category_values(frame.pop(label))
    index = _index_column(frame, named)
    if index is not None:
        frame = frame.drop(columns=index)
        notes.append(f"column {index!r} only numbers the rows and was left out")
    if label is None and label_column is None:
        guess = _only_text_column(frame)
        if guess is not None:
            labels = _category_values(frame.pop(guess))
            if len(set(labels)) == len(labels):
                notes.append(f"column {guess!r} names every row differently and was left out")
                labels = None
            else:
                notes.append(f"labels: column {guess!r}, the only one with text; they are not trained on")
    if frame.shape[1] == 0:
        raise ValueError(f"{path} has no column of numbers left besides labels and index; add features")
    matrix = _numbers(frame, path)
    return build(matrix, name=path.stem, where=str(path), labels=labels, feature_names=list(frame.columns), notes=notes)


def _numbers(frame: pd.DataFrame, path: Path) -> Any:
    import pandas as pd

    for name, column in frame.items():
        if pd.api.types.is_bool_dtype(column.dtype) and not column.isna().any():
            frame = frame.assign(**{str(name): column.astype(np.int8)})
            continue
        if pd.api.types.is_numeric_dtype(column.dtype):
            continue
        values = column.astype(object)
        numbers = pd.to_numeric(values, errors="coerce")
        bad = np.flatnonzero(numbers.isna() & ~values.isna())
        if len(bad):
            raise ValueError(
                f"{path}: column {name!r} holds {values.iloc[bad[0]]!r} at row {bad[0]} ({len(bad)} of its values are "
                "no numbers; rows count from 0 after the header): fix them, encode the column as numbers, remove it, "
                f"or take it as labels with label_column={name!r} (--label-column)"
            )
        frame = frame.assign(**{str(name): numbers})
    # one missing integer makes a nullable column NaN, found and named by the checks on X
    nullable = any(pd.api.types.is_extension_array_dtype(dtype) for dtype in frame.dtypes)
    return frame.to_numpy(dtype=float, na_value=np.nan) if nullable else frame.to_numpy()


def _label_column(frame: pd.DataFrame, asked: str | None, path: Path) -> tuple[str | None, list[str]]:
    columns = tuple(map(str, frame.columns))
    if asked is not None:
        if asked not in columns:
            near = did_you_mean(asked, columns)
            shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
            raise ValueError(f"{path} has no column {asked!r} for labels{near}; it has {shown}")
        return asked, [f"labels: column {asked!r}, as asked"]
    lower = {name.strip().lower(): name for name in reversed(columns)}
    for word in LABEL_NAMES:
        if word in lower and _looks_categorical(frame[lower[word]]):
            return lower[word], [f"labels: column {lower[word]!r}, by its name; they are not trained on"]
    return None, []


def _looks_categorical(column: pd.Series) -> bool:
    """Text, categories, or repeated integers; an angle called phase stays a feature."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column.dtype):
        return True
    values = column.dropna()
    return bool(len(values) and (values == values.round()).all() and values.nunique() <= max(2, len(column) // 2))


def _category_values(column: pd.Series) -> Any:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype) and not column.isna().any():
        return column.to_numpy()
    return np.array([None if pd.isna(value) else value for value in column.astype(object)], dtype=object)


def _only_text_column(frame: pd.DataFrame) -> str | None:
    """Return the one column that holds text and nowhere a number: a bad value among numbers is no label."""
    import pandas as pd

    text = [name for name, column in frame.items() if not pd.api.types.is_numeric_dtype(column.dtype)]
    if len(text) != 1:
        return None
    values = frame[text[0]].dropna().astype(object)
    if (
        not values.map(lambda value: isinstance(value, str)).all()
        or pd.to_numeric(values, errors="coerce").notna().any()
    ):
        return None
    return str(text[0])


def _index_column(frame: pd.DataFrame, named: bool) -> str | None:
    import pandas as pd

    if frame.shape[1] < 2:
        return None
    name, values = str(frame.columns[0]), frame.iloc[:, 0]
    if named and (name == "" or name.startswith("Unnamed: ")):
        return name
    if not pd.api.types.is_integer_dtype(values.dtype) or len(frame) < 3:
        return None
    counts = any((values == np.arange(start, start + len(frame))).all() for start in (0, 1))
    return name if counts and (not named or name.lower() in ("index", "id", "row", "sample")) else None


def _text(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((b"\x93NUMPY", b"PK", b"PAR1", b"\x89HDF", b"\x80")) or b"\0" in data[:65536]:
        raise ValueError(f"{path} is no text file (it begins with {data[:6]!r}): fix its suffix, or export it as CSV")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _delimiter(rows: list[str]) -> str:
    """Take the separator that cuts the first rows into most equal pieces; spaces only where nothing else does."""
    best, most = ",", 1
    for delimiter in (";", "\t", ","):  # a semicolon before a comma: commas may be decimal
        counts = [len(_cells(row, delimiter)) for row in rows]
        width = max(set(counts), key=counts.count)
        if width > 1 and counts.count(width) > len(counts) / 2 and (width > most or best == ",") and best != ";":
            best, most = delimiter, width
    if most == 1 and all(len(row.split()) > 1 for row in rows):
        return r"\s+"
    return best


def _cells(row: str, delimiter: str) -> list[str]:
    if delimiter == r"\s+":
        row, delimiter = " ".join(row.split()), " "
    return [cell.strip() for cell in next(csv.reader([row], delimiter=delimiter))]


def _header(first: list[str], below: list[list[str]]) -> tuple[bool, list[str]]:
    """Whether the first line is a header, and what to say of it where it could be either.

    pandas numbers columns without names 0, 1, ...: a header if its first cell or one cell is missing (the index), if
    the rows below write floats there, if beside them stands a name, or if there are three; otherwise data.
    """
    second = below[0] if below else []
    numbers = [cell for cell in first if _is_number(cell)]
    if not numbers or numbers != [str(i) for i in range(len(numbers))]:
        return _is_header(first, second), []
    if first[0] == "" or len(second) == len(first) + 1:
        return True, []
    columns = [(name, [row[i] for row in below if i < len(row)]) for i, name in enumerate(first)]
    floats = all(_are_floats(values) for name, values in columns if _is_number(name))
    named = any(_is_name(name, values) for name, values in columns if not _is_number(name))
    if (below and floats) or named or len(numbers) > 2:
        return True, ["the first line numbers the columns, as pandas does, and was read as their names"]
    return False, [
        f"the first line, {','.join(first)}, could be numbers of columns, as pandas writes them; it was read as data, "
        "for the rows below look alike: give the columns names if it is none"
    ]


def _are_floats(values: list[str]) -> bool:
    """Whether a column is written with decimal points or exponents wherever it is not missing."""
    present = [value for value in values if value.lower() not in _MISSING]
    return bool(present) and all(re.search(r"[.,eE]", value) and _is_number(value) for value in present)


def _is_name(cell: str, values: list[str]) -> bool:
    """Whether text on top is a column's name and no category: known as one, or alone where categories repeat."""
    return cell.lower() in LABEL_NAMES or (cell not in values and len(set(values)) < len(values))


def _is_header(first: list[str], second: list[str]) -> bool:
    """Tell a header: it has text where the next row has numbers."""
    if any(re.fullmatch(r"[-+]?\d*[.]\d+([eE][-+]?\d+)?", cell) for cell in first):
        return False
    pairs = list(zip(first[::-1], second[::-1], strict=False))  # from the right: an index column has no name
    if not any(_is_number(cell) for cell in second):
        return not any(_is_number(cell) for cell in first if cell)
    return any(not _is_number(a) and _is_number(b) for a, b in pairs)


def _is_number(cell: str) -> bool:
    if cell.lower() in _MISSING:
        return cell != ""
    try:
        float(cell.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def _names_in_comment(comments: list[str], delimiter: str, width: int) -> list[str] | None:
    if not comments:
        return None
    names = _cells(comments[-1].lstrip("# "), delimiter)
    return names if len(names) == width else None


def _matched(names: list[str], row: list[str], path: Path, header: bool) -> list[str]:
    """Names for every column: unique, with one more in front where the rows carry an unnamed index (as R writes)."""
    if header and row and len(row) == len(names) + 1:
        names = ["", *names]
    if header and row and len(row) != len(names):
        raise ValueError(
            f"{path}: the header has {len(names)} columns but the first row has {len(row)}: make them equal"
        )
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        unique.append(f"{name}.{seen[name]}" if seen[name] else name)
    return unique


def _decimal_comma(rows: list[str], delimiter: str) -> bool:
    return delimiter == ";" and any(re.search(r"(^|;)\s*-?\d+,\d+\s*(;|$)", row) for row in rows[:100])


def _parsed(path: Path, body: str, delimiter: str, names: list[str]) -> pd.DataFrame:
    import pandas as pd

    if not body:
        raise ValueError(f"{path} is empty: a header line and no rows; check how it was written")
    try:
        return pd.read_csv(
            io.StringIO(body), sep=delimiter, names=names, header=None, index_col=False, skipinitialspace=True,
            low_memory=False, decimal="," if _decimal_comma(body.split("\n", 100), delimiter) else ".",
            float_precision=None if delimiter == r"\s+" else "round_trip",
        )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        found = re.search(r"in line (\d+), saw (\d+)", str(error))
        where = f"row {int(found[1]) - 1} has {found[2]}" if found else str(error).strip()
        raise ValueError(f"{path} is no table of {len(names)} columns: {where}; fix that row, or the quotes") from error


def _h5ad_matrix(data: Any, key: str | None, path: Path) -> tuple[Any, str, list[str] | None]:
    if key is None:
        if data.X is None:
            has = ", ".join([f"obsm:{k}" for k in data.obsm] + [f"layers:{k}" for k in data.layers]) or "nothing else"
            raise ValueError(f"{path} has no .X; it has {has}: choose with key")
        return data.X, ".X", list(data.var_names)
    room, _, name = key.partition(":")
    rooms = {"obsm": data.obsm, "layers": data.layers}
    if room not in rooms or not name:
        raise ValueError(f"{path}: key must be 'obsm:NAME' or 'layers:NAME', got {key!r}")
    if name not in rooms[room]:
        known = tuple(rooms[room])
        has = ", ".join(known) or "none"
        raise ValueError(f"{path} has no {room} entry {name!r}{did_you_mean(name, known)}; it has {has}")
    matrix = rooms[room][name]
    matrix = matrix.to_numpy() if hasattr(matrix, "to_numpy") else matrix
    return matrix, f".{room}[{name!r}]", list(data.var_names) if room == "layers" else None


def _no_key(path: Path, key: str | None) -> None:
    if key is not None:
        raise ValueError(f"{path}: key={key!r} was given, but a table is one array; choose labels with label_column")
