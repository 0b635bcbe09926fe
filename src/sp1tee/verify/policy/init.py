"""A first policy, made of what was seen.

It demands that everything stays as it is: whether it should be so is for its reader to find out
before it is committed, and its comments say what stands behind each line.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from sp1tee.verify.facts import Basis, Fact, Json
from sp1tee.verify.formats import clean
from sp1tee.verify.policy.model import SCHEMA, Anchors, Policy

_SEEN: Final = {
    Basis.ATTESTED: "attested",
    Basis.COMPUTED: "computed from the evidence",
    Basis.CLAIMED: "ONLY CLAIMED, nothing verified stands behind it",
}


def first_policy(
    facts: Iterable[Fact], *, name: str, at: int, anchors: Anchors | None = None
) -> str:
    """Write a policy that pins what the facts show.

    Args:
        facts: of a report on everything; what is not among them is left for a person to fill in.
        name: what the policy is for.
        at: the time the facts were judged for, Unix seconds.
        anchors: what was trusted instead of the shipped anchors, with paths as the policy names
            them.

    Returns:
        TOML that `load_policy` accepts, whatever the facts say.
    """
    known = {fact.name: fact for fact in facts}
    return "\n".join(_lines(known, name, at, anchors or Anchors())) + "\n"


def _lines(known: Mapping[str, Fact], name: str, at: int, anchors: Anchors) -> Iterator[str]:
    day = datetime.fromtimestamp(at, UTC).date()
    yield f"# Made of what was seen on {day}. Every value is a question to you: is this what it"
    yield "# should be, and how do you know? Read it, mend it, commit it."
    yield f"schema = {_toml(SCHEMA)}"
    yield f"name = {_toml(clean.line(name))}"
    yield from _anchors(anchors)
    yield from _cert(known)
    yield from _quote(known)
    yield from _rtmr3(known)
    yield from _compose(known)
    yield from _os(known)
    yield from _section("caa", "Who may issue certificates for the name.")
    yield from _pin(known, "ingress.account", "caa.account")
    yield from _section("digests", "Images: all pinned by digest, and served as pinned.")


def _anchors(anchors: Anchors) -> Iterator[str]:
    given = {name: path for name, path in anchors if path is not None}
    if given:
        yield from _section("anchors", "What was trusted instead of what ships.")
    for name, path in given.items():
        yield f"{name} = {_toml(str(path))}"


def _cert(known: Mapping[str, Fact]) -> Iterator[str]:
    yield from _section("cert", "The served certificate and the evidence for it.")
    yield from _pin(known, "evidence.host", "cert.hosts", listed=True)
    yield from _remark(known, "cert.leaf.not_before", "The certificate was issued at {}.")
    yield "# The day the measured compose was deployed: an earlier version may have leaked the key"
    yield "# of an older certificate."
    yield "# not_before = 2026-01-31"


def _quote(known: Mapping[str, Fact]) -> Iterator[str]:
    yield from _section("quote", "The machine. UpToDate is what a healthy one is.")
    status = known.get("quote.tcb_status")
    if status is not None and status.value != "UpToDate":
        yield from _remark(known, status.name, "Seen: {}, which this does not accept. Ask the")
        yield "# operator to update the machine before you accept it here."
    yield 'tcb_status = ["UpToDate"]'
    yield from _pin(known, "quote.ppid", "quote.platforms", listed=True, wanted=False)


def _rtmr3(known: Mapping[str, Fact]) -> Iterator[str]:
    yield from _section("rtmr3", "What was measured when the guest started.")
    yield from _pin(known, "rtmr3.app_id", "rtmr3.app_id")
    yield from _pin(known, "rtmr3.compose_hash", "rtmr3.compose_hash", listed=True)
    yield from _pin(known, "rtmr3.key_provider", "rtmr3.key_provider")
    yield from _pin(known, "rtmr3.os_image_hash", "rtmr3.os_image_hash", listed=True)
    yield from _pin(known, "rtmr3.instance_id", "rtmr3.instance_id", listed=True, wanted=False)
    events = known.get("rtmr3.extra_events")
    if events is not None and (names := _names(events.value)):
        yield "# Events that containers added after the start; look at what they say:"
        yield from _written("rtmr3.allow_events", names, events, wanted=False)


def _compose(known: Mapping[str, Fact]) -> Iterator[str]:
    yield from _section("compose", "The application. Name the file that you reviewed:")
    yield '# docker_compose = "docker-compose.yml"'
    yield from _pin(known, "compose.docker_compose_sha256", "compose.docker_compose_sha256")
    yield from _pin(known, "compose.pre_launch_script_sha256", "compose.pre_launch_script_sha256")
    yield from _pin(known, "compose.init_script_sha256", "compose.init_script_sha256")
    yield from _pin(known, "compose.allowed_envs", "compose.allowed_envs")


def _os(known: Mapping[str, Fact]) -> Iterator[str]:
    yield from _section("os", "The operating system that booted.")
    dev = known.get("os.dev")
    if "os.image" not in known:
        yield "# No image of the table has the measurements that were seen."
    elif dev is not None and dev.value is True:
        yield from _remark(known, "os.image", "Seen: {}, a DEVELOPMENT image: whoever operates it")
        yield "# can log in and read everything. Not accepted."
    else:
        yield from _pin(known, "os.image", "os.images", listed=True)


def _section(name: str, said: str) -> Iterator[str]:
    yield from ("", f"# {said}", f"[{name}]")


def _remark(known: Mapping[str, Fact], name: str, said: str) -> Iterator[str]:
    if name in known:
        yield f"# {said.format(clean.line(str(known[name].value)))}"


def _pin(
    known: Mapping[str, Fact], name: str, key: str, *, listed: bool = False, wanted: bool = True
) -> Iterator[str]:
    """Write a key with the value that was seen; as a comment where most do better without."""
    seen = known.get(name)
    if seen is not None and seen.value not in (None, ""):
        yield from _written(key, [seen.value] if listed else seen.value, seen, wanted=wanted)


def _written(key: str, value: Json, seen: Fact, *, wanted: bool) -> Iterator[str]:
    room, _, last = key.partition(".")
    basis = f"{_SEEN[seen.basis]}: {clean.line(seen.anchor)}"
    try:
        Policy.model_validate({room: {last: value}})
        text = _toml(value)
    except (ValidationError, ValueError):
        yield f"# {last}: what was seen is nothing that a policy could demand ({basis})"
        return
    yield f"# {basis}"
    yield f"{'' if wanted else '# '}{last} = {text}"


def _names(value: Json) -> list[Json]:
    entries = value if isinstance(value, list) else []
    names = [entry.get("name") for entry in entries if isinstance(entry, dict)]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _toml(value: Json) -> str:
    """Write texts, and lists and tables of them, as TOML; raises `ValueError` for all else."""
    if isinstance(value, str):
        return f'"{"".join(map(_character, value))}"'
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict) and all(key.isidentifier() and key.isascii() for key in value):
        return f"{{ {', '.join(f'{key} = {_toml(item)}' for key, item in value.items())} }}"
    raise ValueError


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    if "\ud800" <= character <= "\udfff":
        raise ValueError
    return f"\\U{ord(character):08x}"
