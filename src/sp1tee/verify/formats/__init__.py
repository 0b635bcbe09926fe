"""A report in the form its reader needs. Every renderer is pure: a report in, text out."""

from enum import StrEnum
from importlib import import_module
from typing import Final, Protocol, cast

from sp1tee.verify.report import Report

WIDTH: Final = 80


class Format(StrEnum):
    """Forms of a report. JSON is the norm; the others leave out what is not for their readers."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    HTML = "html"


class _Renderer(Protocol):
    def render(self, report: Report) -> str: ...


def render(
    report: Report, form: Format | str = Format.TABLE, *, width: int = WIDTH, colour: bool = False
) -> str:
    """Write a report.

    Args:
        report: what to write.
        form: how, a `Format` or its value.
        width: columns of a table; other forms have none.
        colour: whether a table is for a terminal that shows colours.

    Returns:
        The whole text, which ends with a line end and holds no control characters but line ends;
        a coloured table also has the escapes that colour it.
    """
    form = Format(form)
    if form is Format.TABLE:
        from sp1tee.verify.formats import table  # noqa: PLC0415 - rich is for people only

        return table.render(report, width=width, colour=colour)
    module = cast("_Renderer", import_module(f"{__name__}.{_MODULES[form]}"))
    return module.render(report)


_MODULES: Final = {
    Format.JSON: "json_text",
    Format.SARIF: "sarif",
    Format.JUNIT: "junit",
    Format.MARKDOWN: "markdown",
    Format.HTML: "html_page",
}

__all__ = ["WIDTH", "Format", "render"]
