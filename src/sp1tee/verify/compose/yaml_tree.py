"""YAML read in a way that leaves no two readers of the same bytes disagreeing.

Only what docker-compose files need is taken: one document of mappings, lists and scalars. Keys
that stand twice, tags, directives, several documents and line breaks that some readers know and
others don't are refused, because a reviewer and Docker could read different files out of the same
bytes. Anchors, aliases and merge keys are resolved, within limits, and every node keeps its line.

Scalars stay text: whether ``no`` is a word or a boolean is for whoever asks to know.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge

SIZE: Final = 128 * 1024
"""How many bytes a document may have: half of what dstack takes as a whole app-compose.json."""

DEPTH: Final = 24
"""How deep nodes may nest; compose files need six. The parser's time grows with its square."""

NODES: Final = 20_000
"""How many nodes there may be once aliases are followed: real files have a few hundred."""

_MERGE: Final = "<<"
_STRING_TAGS: Final = ("!", "tag:yaml.org,2002:str")
# Breaks of YAML 1.1 that are none in 1.2, a bare carriage return, and byte order marks.
_DISPUTED: Final = re.compile("[\x85\u2028\u2029\ufeff]|\r(?!\n)")
_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; `plain` if it stands without quotes, so that it may mean a number or a boolean."""

    line: int
    text: str
    plain: bool

    @property
    def is_null(self) -> bool:
        """Whether it is YAML's null."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    line: int
    items: tuple["Node", ...]


def text_of(node: "Node | None") -> str:
    """Return a scalar's text; empty for anything else."""
    return node.text if isinstance(node, Scalar) else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's line, and its value."""

    line: int
    value: "Node"


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, merge keys applied."""

    line: int
    entries: Mapping[str, Entry]

    def get(self, key: str) -> "Node | None":
        """Return a key's value; None if it is missing or null."""
        entry = self.entries.get(key)
        if entry is None or (isinstance(entry.value, Scalar) and entry.value.is_null):
            return None
        return entry.value


Node: TypeAlias = Scalar | Listing | Table


def read_yaml(data: bytes, what: str) -> Node:
    """Read one document.

    Args:
        data: the whole file, UTF-8.
        what: its name in an error.

    Raises:
        EvidenceTooLarge: it has more than `SIZE` bytes, `NODES` nodes or `DEPTH` levels.
        EvidenceMalformed: it is no YAML, or YAML that can be read in more than one way.
    """
    if len(data) > SIZE:
        raise EvidenceTooLarge(f"{what} has more than {SIZE} bytes.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise EvidenceMalformed(f"{what} is not UTF-8.") from None
    disputed = _DISPUTED.search(text) or _DIRECTIVE.search(text)
    if disputed is not None:
        line = text.count("\n", 0, disputed.start()) + 1
        raise EvidenceMalformed(
            f"{what} has a character in line {line} that YAML readers disagree about.",
            advice="Write it without directives, byte order marks and exotic line breaks.",
        )
    return _Builder(text, what).document()


@dataclass(frozen=True, slots=True)
class _Built:
    """A node, how many nodes it stands for, and how many levels it has."""

    node: Node
    size: int
    height: int


@dataclass(slots=True)
class _Open:
    """A node under construction."""

    line: int
    anchor: str | None
    level: int
    parts: list[_Built] = field(default_factory=list)

    def close(self, node: Node) -> _Built:
        """Sum up."""
        return _Built(
            node,
            1 + sum(part.size for part in self.parts),
            1 + max((part.height for part in self.parts), default=0),
        )


class _Builder:
    """Makes nodes out of the parser's events as they come, so that limits end the parsing."""

    def __init__(self, text: str, what: str) -> None:
        self._what = what
        self._events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))
        self._anchors: dict[str, _Built | None] = {}
        self._nodes = 0

    def document(self) -> Node:
        self._next()
        if type(self._next()).__name__ != "DocumentStartEvent":
            raise EvidenceMalformed(f"{self._what} is empty.")
        root = self._node(self._next(), 1)
        self._next()
        if type(self._next()).__name__ != "StreamEndEvent":
            raise EvidenceMalformed(f"{self._what} holds more than one document.")
        return root.node

    def _next(self) -> Any:
        try:
            return next(self._events)
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = "" if mark is None else f" (line {mark.line + 1})"
            raise EvidenceMalformed(f"{self._what} is not YAML{where}.") from None
        except (ValueError, OverflowError, RecursionError):
            # An escape beyond Unicode, for one, is not the parser's own error.
            raise EvidenceMalformed(f"{self._what} is not YAML that can be read.") from None

    def _node(self, event: Any, level: int) -> _Built:
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "AliasEvent":
            return self._alias(event.anchor, line, level)
        self._count(1, level, line)
        made = _Open(line, event.anchor, level)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        match kind:
            case "ScalarEvent":
                built = made.close(self._scalar(event, line))
            case "SequenceStartEvent":
                built = self._listing(event, made)
            case _:
                built = self._table(event, made)
        if event.anchor is not None:
            self._anchors[event.anchor] = built
        return built

    def _alias(self, anchor: str, line: int, level: int) -> _Built:
        built = self._anchors.get(anchor)
        if built is None:
            self._refuse(line, "an alias of something that is not written before it")
        self._count(built.size, level + built.height - 1, line)
        return built

    def _count(self, nodes: int, level: int, line: int) -> None:
        self._nodes += nodes
        if level > DEPTH:
            raise EvidenceTooLarge(f"{self._what} nests deeper than {DEPTH} in line {line}.")
        if self._nodes > NODES:
            raise EvidenceTooLarge(f"{self._what} has more than {NODES} nodes in line {line}.")

    def _scalar(self, event: Any, line: int) -> Scalar:
        tag = None if event.ctag is None else str(event.ctag)
        if tag is not None and tag not in _STRING_TAGS:
            self._refuse(line, "a tag")
        return Scalar(line, event.value, plain=tag is None and event.style is None)

    def _listing(self, event: Any, made: _Open) -> _Built:
        self._without_tag(event, made.line)
        while type(event := self._next()).__name__ != "SequenceEndEvent":
            made.parts.append(self._node(event, made.level + 1))
        return made.close(Listing(made.line, tuple(part.node for part in made.parts)))

    def _table(self, event: Any, made: _Open) -> _Built:
        self._without_tag(event, made.line)
        own: dict[str, Entry] = {}
        merged: list[Table] | None = None
        while type(event := self._next()).__name__ != "MappingEndEvent":
            key = self._key(event, made)
            value = self._node(self._next(), made.level + 1)
            made.parts.append(value)
            if key.text == _MERGE and key.plain:
                if merged is not None:
                    self._refuse(key.line, "two merge keys")
                merged = self._merged(value.node, key.line)
            elif key.text in own:
                self._refuse(key.line, f"the key {key.text[:40]!r} twice")
            else:
                own[key.text] = Entry(key.line, value.node)
        for table in merged or ():
            for name, entry in table.entries.items():
                own.setdefault(name, entry)
        return made.close(Table(made.line, own))

    def _key(self, event: Any, made: _Open) -> Scalar:
        key = self._node(event, made.level + 1)
        if not isinstance(key.node, Scalar):
            self._refuse(key.node.line, "a key that is no text")
        made.parts.append(key)
        return key.node

    def _merged(self, value: Node, line: int) -> list[Table]:
        """Return what a merge key brings; of two tables the first one wins."""
        nodes = value.items if isinstance(value, Listing) else (value,)
        tables = [node for node in nodes if isinstance(node, Table)]
        if len(tables) != len(nodes):
            self._refuse(line, "a merge key of something that is no mapping")
        return tables

    def _without_tag(self, event: Any, line: int) -> None:
        if event.ctag is not None:
            self._refuse(line, "a tag")

    def _refuse(self, line: int, what: str) -> NoReturn:
        raise EvidenceMalformed(f"{self._what} has {what} in line {line}.")
