"""How the pages are built: no network, warnings are errors, cells run once for each state of the package.

Formulas become MathML when the page is built, notebook cells are executed and kept under the hash of the package's
sources, and the gallery is drawn from recorded numbers (`_ext/reproduced.py`).
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import zeeman

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ.pop("MPLBACKEND", None)  # cells show their figures

project = "zeeman"
author = "The zeeman developers"
copyright = "2026, the zeeman developers"
version = release = zeeman.__version__

extensions = [
    "bars",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "commandline",
    "docstrings",
    "mathml",
    "recorded",
    "reproduced",
    "rooms",
]
exclude_patterns = ["_build", "_ext", "results"]
nitpicky = True
nitpick_ignore_regex = [
    # other people's packages: their pages would have to be fetched
    (r"py:.*", r"(numpy|np|scipy|torch|xarray|xr|pandas|pd|sklearn|matplotlib|numba|cyclopts|rich|_?io)\..*"),
    (r"py:.*", r"(collections|typing|pathlib|fractions|os|concurrent|abc|types|enum|contextlib)\..*"),
    (r"py:.*", r"FastAPI"),
    (r"py:.*", r"(Tensor|Module|Generator|RandomState|Axes|Figure|NDArray|ArrayLike|Self|.*\.T|dict\[str)"),
    (r"py:.*", r"(Dataset|DataVars)"),
    (r"py:obj", r".*"),  # `words` of a docstring that are no names of ours
]
default_role = "py:obj"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autosummary_generate = False
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]  # no object each: properties are documented already
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 100
add_module_names = False
viewcode_line_numbers = False

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True


def _sources() -> str:
    """Hash of the package's sources: what executed cells depend on beside their own text."""
    files = sorted(Path(zeeman.__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "cells" / _sources())
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "remove"  # fonts that this machine lacks are no part of a page

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "zeeman"
html_static_path = ["_static"]
html_css_files = ["zeeman.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
_ALONE = (  # nothing stands below them: room for their tables and cells
    "index theory models errata holds gallery latents truth critical command_line benchmarks changelog citation "
    "contributing tutorials/spins tutorials/embeddings tutorials/table"
)
html_sidebars = {page: [] for page in _ALONE.split()}
