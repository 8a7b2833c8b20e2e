"""The pages hang together: every one can be reached, links and pictures exist, code compiles, names are documented.

Only what is fast; `make docs` builds everything, runs the cells, and takes warnings for errors.
"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]

FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,})(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=fence)[ ]*$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
MAGIC = re.compile(r"^\s*[%!]")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fences(path: Path) -> list[tuple[str, str]]:
    return [(m["info"].strip(), m["body"]) for m in FENCE.finditer(path.read_text(encoding="utf-8"))]


def entries(path: Path) -> list[str]:
    """Pages named in the toctrees of `path`, without suffix and relative to the folder of the pages."""
    listed = []
    for info, body in fences(path):
        if info == "{toctree}":
            lines = [line.strip() for line in body.splitlines()]
            listed += [line for line in lines if line and not line.startswith(":")]
    return [(path.parent / line).resolve().relative_to(DOCS).as_posix() for line in listed]


def test_every_page_can_be_reached_from_the_front_page() -> None:
    seen, ahead = set(), ["index"]
    while ahead:
        page = ahead.pop()
        if page not in seen:
            seen.add(page)
            ahead += entries(DOCS / f"{page}.md")
    assert seen == {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES}


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_links_and_pictures_are_there(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    labels = {label for page in PAGES for label in re.findall(r"^\(([\w-]+)\)=", page.read_text(), re.M)}
    for match in LINK.finditer(re.sub(r"`[^`\n]*`", "", text)):
        target = match["target"].partition("#")[0]
        if re.match(r"[a-z]+:", match["target"]) or (not target and match["target"][1:] in labels):
            continue
        if not target:
            assert match["target"].startswith("#figure-"), f"{named(path)}: {match['target']} leads nowhere"
            continue
        assert (path.parent / target).exists(), f"{named(path)}: {target} is not there"


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_code_compiles(path: Path) -> None:
    for info, body in fences(path):
        if info in ("python", "{code-cell}", "{code-cell} ipython3"):
            lines = [line for line in body.splitlines() if not line.startswith(":tags:") and not MAGIC.match(line)]
            ast.parse("\n".join(lines), filename=named(path))


def test_notebooks_name_their_kernel() -> None:
    for page in PAGES:
        if any(info.startswith("{code-cell}") for info, _ in fences(page)):
            assert page.read_text().startswith("---\nfile_format: mystnb\n"), f"{named(page)} would not be run"


def test_every_public_room_is_in_the_reference() -> None:
    """A room is a folder of the package; each of its public names that is a module has a section of its own."""
    described = {
        line.split()[1] for page in (DOCS / "api").glob("*.md") for line, _ in fences(page) if line.startswith("{room}")
    }
    rooms = {path.parent.name for path in (ROOT / "src" / "zeeman").glob("*/__init__.py")} - {"base", "cli"}
    for room in sorted(rooms):
        module = importlib.import_module(f"zeeman.{room}")
        assert module.__name__ in described
        inner = [getattr(module, name) for name in module.__all__]
        assert {one.__name__ for one in inner if isinstance(one, ModuleType)} <= described


def test_pictures_have_words_for_those_who_cannot_see_them() -> None:
    for path in TEXTS:
        for match in re.finditer(r"!\[(?P<alt>[^\]]*)\]\(", FENCE.sub("", path.read_text(encoding="utf-8"))):
            assert len(match["alt"].split()) >= 3, f"{named(path)}: a picture is called {match['alt']!r}"
