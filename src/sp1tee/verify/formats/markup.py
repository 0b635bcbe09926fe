"""Elements of a page, made so that no text can become markup."""

from typing import TypeAlias
from xml.etree import ElementTree as ET

from sp1tee.verify.formats import clean

Child: TypeAlias = "ET.Element | str"


def element(tag: str, *children: Child, **attributes: str) -> ET.Element:
    """Make an element.

    Texts are made printable here and escaped when they are written. An attribute's underscores
    stand for hyphens, a last one keeps it from being a word of Python's.
    """
    made = ET.Element(tag)
    for name, value in attributes.items():
        made.set(name.rstrip("_").replace("_", "-"), clean.line(value))
    for child in children:
        if isinstance(child, str):
            _append(made, "\n".join(clean.lines(child)))
        else:
            made.append(child)
    return made


def written(root: ET.Element) -> str:
    """Write an element as HTML."""
    return ET.tostring(root, encoding="unicode", method="html")


def _append(parent: ET.Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
