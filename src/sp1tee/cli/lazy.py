"""Commands that are imported when they are used, so that `sp1tee --help` is instant."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True)
class Entry:
    """A command before it is imported.

    Attributes:
        module: where its ``app`` is, a `typer.Typer`.
        summary: its line in `sp1tee --help`; the first line of its own help says the same.
    """

    module: str
    summary: str


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and summaries and imports the one that is called."""

    entries: ClassVar[dict[str, Entry]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in self.entries.items():
            self.add_command(TyperCommand(name, help=entry.summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that is called, then let the group find it."""
        if args and args[0] in self.entries:
            self.add_command(load(self.entries[args[0]]), args[0])
        return super().resolve_command(ctx, args)


def load(entry: Entry) -> Any:
    """Import a command."""
    command: Any = get_command(import_module(entry.module).app)
    for part in (command, *getattr(command, "commands", {}).values()):
        part.help = _unwrap(part.help or "")
    return command


def _unwrap(text: str) -> str:
    """Join the lines of each paragraph: a docstring is wrapped for its source, not for a screen.

    Brackets are kept from being read as rich's markup.
    """
    paragraphs = text.replace("[", "\\[").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
