"""Formulas as MathML: written in LaTeX between dollars, readable in any browser without a script."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from latex2mathml.converter import convert
from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

# What browsers make of MathML is less than LaTeX means: they know no variants of letters and no space after a name.
_SHOWN = {
    '<mi mathvariant="double-struck">E</mi>': "<mi>𝔼</mi>",
    '<mi mathvariant="script">N</mi>': "<mi>𝒩</mi>",
    "<mi>log</mi>": '<mi>log</mi><mspace width="0.17em" />',
}


class _Formulas(Treeprocessor):
    """Replaces what ``pymdownx.arithmatex`` marked by MathML."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            if element.get("class") != "arithmatex" or not element.text:
                continue
            formula = element.text.strip()
            block = formula.startswith(r"\[")
            mathml = convert(formula[2:-2], display="block" if block else "inline")
            for wanted, shown in _SHOWN.items():
                mathml = mathml.replace(wanted, shown)
            element.text = AtomicString(self.md.htmlStash.store(mathml))


class Formulas(Extension):
    """To be named after ``pymdownx.arithmatex``, with its option ``generic``."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        md.treeprocessors.register(_Formulas(md), "formulas", priority=-1)


def makeExtension(**options: object) -> Formulas:  # noqa: N802
    """What Python-Markdown asks a module for."""
    return Formulas(**options)
