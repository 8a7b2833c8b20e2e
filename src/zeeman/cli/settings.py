"""--config FILE: options from TOML, overruled by those that are given.

Keys are the names of options (``latent_dim`` or ``latent-dim``), also of what stands without a name (``data``). They
stand at the top of the file, or in a table called like the verb if one file serves several; the table overrules.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from cyclopts.config import Dict

if TYPE_CHECKING:
    from cyclopts import App, ArgumentCollection

__all__ = ["taken_from", "whole_numbers"]


# what stands without a name, and repeats
_LISTS = {"spectrum": "files", "reproduce": "figures", "critical": "rows", "bench": "what", "truth": "what"}
_LONG = {"replicas": "n_replicas"}


def taken_from(arguments: list[str], verb: str) -> tuple[list[str], Dict | None]:
    """Return the arguments without --config, and what its file says, or None without one."""
    rest, path = _without_config(arguments)
    if path is None:
        return rest, None
    said = _read(path)
    tables = [key for key, value in said.items() if isinstance(value, dict)]
    top = {key: value for key, value in said.items() if key not in tables}
    if tables and not top and verb not in tables:
        raise ValueError(f"{path} has no table [{verb}]; it has {', '.join(f'[{name}]' for name in tables)}")
    values = {}
    for key, value in [*top.items(), *(said[verb].items() if verb in tables else ())]:
        _check(key, value, path)
        name = key.replace("-", "_")
        values[_LONG.get(name, name)] = value
    listed = values.pop(_LISTS.get(verb, ""), None)
    if listed is not None and not _names_something(rest, verb):
        rest = [*rest, *(str(item) for item in (listed if isinstance(listed, list) else [listed]))]
    return rest, Dict(values, use_commands_as_keys=False, source=str(path))


def whole_numbers(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse 2.5 where a whole number is wanted (the parser would round it)."""
    for argument in arguments:
        if int not in (argument.hint, *get_args(argument.hint)):
            continue
        for token in argument.tokens:
            if "." in token.value:
                place = "" if token.source == "cli" else f"{token.source}: "
                raise ValueError(f"{place}{argument.name} must be a whole number, got {token.value}")


def _without_config(arguments: list[str]) -> tuple[list[str], Path | None]:
    rest, path, words = [], None, iter(arguments)
    for word in words:
        if word == "--config":
            value = next(words, None)
            if value is None or value.startswith("--"):
                raise ValueError("--config needs a file: --config run.toml")
            path = Path(value)
        elif word.startswith("--config="):
            path = Path(word.removeprefix("--config="))
        else:
            rest.append(word)
    return rest, path


def _names_something(arguments: list[str], verb: str) -> bool:
    """Tell whether a word stands right behind the verb, where no option can take it for its value."""
    after = arguments.index(verb) + 1
    return after < len(arguments) and not arguments[after].startswith("-")


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    if not path.is_file():
        raise FileNotFoundError(f"no settings file {path}: --config takes a TOML file with lines like latent_dim = 3")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}; lines read name = value, text in quotes") from error


def _check(key: str, value: Any, path: Path) -> None:
    if key == "config":
        raise ValueError(f"{path}: config cannot be set in a settings file; leave it out")
    if isinstance(value, dict):
        raise ValueError(f"{path}: [{key}] is a table, but options are plain lines like {key} = value")
    if isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value):
        raise ValueError(f"{path}: {key} must be one value or a plain list, got {value!r}")
