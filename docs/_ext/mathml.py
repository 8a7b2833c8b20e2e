"""Formulas as MathML, written when the page is built: no script, no font and no network when it is read."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

LOGGER = logging.getLogger(__name__)
_BARE_FRACTION = re.compile(r"(\\[td]?frac)\s*(\w)\s*(\w)")  # \frac12, which the converter reads as \frac{12}{..}
_APPLIED = re.compile(r"<mo>(?:&ApplyFunction;|\u2061)</mo>(?!\s*<mo[^>]*>\()")
_ENVIRONMENT = re.compile(r"\\begin\{(align|gather|equation)\*?\}(.*)\\end\{\1\*?\}", re.DOTALL)


def _mathml(tex: str, node: nodes.Node, *, display: bool) -> str:
    tex = _ENVIRONMENT.sub(lambda m: rf"\begin{{aligned}}{m[2]}\end{{aligned}}", tex)
    tex = _BARE_FRACTION.sub(r"\1{\2}{\3}", tex.strip()).replace(r"\dots", r"\ldots")
    try:
        return _spaced(tex2mathml(tex, as_block=display))
    except MathError as error:
        LOGGER.warning("formula %r: %s", tex, error, location=node)
        return f"<code>{tex}</code>"


def _spaced(mathml: str) -> str:
    """Bars close to what they enclose, and a thin space between a function's name and what it is applied to."""
    mathml = re.sub(r"<mo((?:(?!space)[^>])*)>([|∣‖∥])</mo>", r'<mo\1 lspace="0.06em" rspace="0.06em">\2</mo>', mathml)
    return _APPLIED.sub('<mspace width="0.17em"></mspace>', mathml)


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write an inline formula."""
    self.body.append(_mathml(node.astext(), node, display=False))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula with its number."""
    self.body.append(self.starttag(node, "div", CLASS="formula"))
    self.body.append(_mathml(node.astext(), node, display=True))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
