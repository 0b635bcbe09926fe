"""How much a local build and a published image have in common."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sp1tee.verify.digests.built import BuiltImage
from sp1tee.verify.digests.configs import differing
from sp1tee.verify.digests.documents import Config
from sp1tee.verify.digests.published import ImageFacts
from sp1tee.verify.facts import Json


class Level(StrEnum):
    """What is the same, strongest first."""

    MANIFEST = "manifest"
    CONFIG = "config"
    LAYERS = "layers"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Binaries:
    """The digests of one program in both images."""

    path: str
    built: str
    published: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison gave.

    Attributes:
        level: the strongest that was reached; None if none was.
        complete: whether enough is known of the published image to say that none was.
        settings: those in which the configurations differ; None if that is not known.
        differences: the explanation, line by line.
    """

    level: Level | None
    complete: bool
    settings: tuple[str, ...] | None
    differences: tuple[str, ...] = ()


def compare(
    published: ImageFacts, built: BuiltImage, binaries: Binaries | None = None
) -> Comparison:
    """Compare, strongest first.

    Equal digests are equal bytes, whoever worked them out; so a level is never reached by a
    mistake about where a digest comes from, only missed.
    """
    if set(published.known_digests) & set(built.digests):
        return Comparison(Level.MANIFEST, complete=True, settings=())
    config = published.config
    if not isinstance(config, Config):
        return Comparison(None, complete=False, settings=None)
    settings = differing(built.config.settings, config.settings)
    if built.config.digest == config.digest:
        return Comparison(Level.CONFIG, complete=True, settings=())
    same_layers = built.config.diff_ids == config.diff_ids
    if same_layers and not settings and built.config.platform == config.platform:
        return Comparison(Level.LAYERS, complete=True, settings=())
    differences = tuple(_explain(built.config, config, settings))
    same_program = binaries is not None and binaries.built == binaries.published
    level = Level.BINARY if same_program else None
    return Comparison(level, complete=True, settings=settings, differences=differences)


def _explain(built: Config, published: Config, settings: tuple[str, ...]) -> Iterator[str]:
    if built.platform != published.platform:
        yield f"built for {built.platform}, published for {published.platform}"
    yield from _layers(built, published)
    for name in settings:
        yield f"{name}: {_setting(name, built, published)}"


def _layers(built: Config, published: Config) -> Iterator[str]:
    here, there = built.diff_ids, published.diff_ids
    if here == there:
        yield f"all {len(here)} layers are the same; their configuration is not"
        return
    same = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), None)
    first = min(len(here), len(there)) if same is None else same
    yield f"layer {first + 1} of {len(there)} is the first that differs"
    yield f"built:     {_layer(built, first)}"
    yield f"published: {_layer(published, first)}"


def _layer(config: Config, number: int) -> str:
    if number >= len(config.diff_ids):
        return "has no such layer"
    known = len(config.made_by) == len(config.diff_ids) and config.made_by[number]
    step = f", by {config.made_by[number]!r}" if known else ""
    return f"{config.diff_ids[number]}{step}"


def _setting(name: str, built: Config, published: Config) -> str:
    here, there = built.settings.get(name), published.settings.get(name)
    if name == "Env":
        # Values can be secrets; which variables differ is enough to find them.
        differing_names = sorted(_variables(here) ^ _variables(there))
        return ", ".join(dict.fromkeys(each.split("=", 1)[0][:80] for each in differing_names))
    return f"built {_short(here)}, published {_short(there)}"


def _variables(value: Json) -> set[str]:
    return set(map(str, value)) if isinstance(value, list) else set()


def _short(value: Json) -> str:
    return "nothing" if value is None else repr(value)[:200]
