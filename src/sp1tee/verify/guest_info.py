"""The guest agent's Info: where it is, what it says of the guest, and the app-compose file.

"dstack guest agent 0.5.x", RPC ``Info``, reached through the gateway on port 8090. TLS ends at the
gateway, so nothing in the answer counts until it hashes to what a quote measures.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sp1tee.errors import EvidenceMalformed, EvidenceMissing
from sp1tee.verify.facts import Json
from sp1tee.verify.reading import from_hex, read_object

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sp1tee.verify.caa import Reply

MAX_INFO: Final = 2 * 1024 * 1024
"""app-compose files have at most 256 KiB, event logs some 100 KB; JSON in JSON doubles both."""
PORT: Final = 8090

_WHAT: Final = "The guest's Info"
_GATEWAY: Final = "_."
_IDENTITY: Final = re.compile(r"[0-9a-f]{40}")
_DOMAIN: Final = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class InfoFacts:
    """What a guest says of itself; all of it claimed. What it left out is None.

    Attributes:
        app_id: the application, 20 bytes in hex.
        instance_id: the instance, 20 bytes in hex.
        app_name: its name.
        compose_hash: SHA-256 of the app-compose file, hex.
        os_image_hash: the OS image, hex.
        app_compose: the app-compose file's text, byte for byte in UTF-8.
        key_provider: who hands the guest its keys.
        tcb_info: measurements and event log, as `tcb_info.json` holds them.
        vm_config: the virtual machine's configuration.
    """

    app_id: str | None
    instance_id: str | None
    app_name: str | None
    compose_hash: str | None
    os_image_hash: str | None
    app_compose: str | None = field(repr=False)
    key_provider: dict[str, Json] | None
    tcb_info: dict[str, Json] | None = field(repr=False)
    vm_config: dict[str, Json] | None = field(repr=False)


def info_url(identity: str, gateway: str) -> str:
    """Return where a guest's Info is.

    Args:
        identity: the instance id, or the app id for any instance; 40 hex digits.
        gateway: the gateway's base domain, e.g. ``example.phala.network``.

    Raises:
        EvidenceMalformed: one of them is not what it should be.
    """
    identity = identity.removeprefix("0x").lower()
    if not _IDENTITY.fullmatch(identity):
        raise EvidenceMalformed("An app id or instance id has 40 hex digits.")
    if not _DOMAIN.fullmatch(gateway):
        raise EvidenceMalformed(f"{gateway[:80]!r} is no domain of a gateway.")
    return f"https://{identity}-{PORT}.{gateway}/prpc/Info"


def gateway_of(host: str, replies: "Iterable[Reply]") -> str:
    """Find the gateway that a host name leads to.

    dstack-ingress makes the host an alias of ``_.`` and the gateway's base domain.

    Raises:
        EvidenceMissing: no resolver says that it is such an alias.
    """
    for reply in replies:
        aliases = () if reply.answer is None or reply.name != host else reply.answer.aliases
        for alias in aliases:
            if alias.target.startswith(_GATEWAY):
                return alias.target.removeprefix(_GATEWAY)
    raise EvidenceMissing(
        f"{host} is no alias of a gateway, so where the guest's Info is, is not known.",
        advice="Say where it is: --info https://<instance id>-8090.<gateway>/prpc/Info",
    )


def parse_info(data: bytes) -> InfoFacts:
    """Read a guest's Info.

    `tcb_info`, `vm_config` and `key_provider_info` are JSON inside text on the wire; objects are
    taken as well. Empty text means that the guest doesn't tell.

    Raises:
        EvidenceTooLarge: it is larger than any.
        EvidenceMalformed: it is no JSON object, or something in it has the wrong type.
    """
    document = read_object(data, _WHAT, limit=MAX_INFO)
    tcb_info = _nested(document, "tcb_info")
    return InfoFacts(
        app_id=_hex(document, "app_id", 20),
        instance_id=_hex(document, "instance_id", 20),
        app_name=_text(document, "app_name"),
        compose_hash=_hex(document, "compose_hash", 32) or _hex(tcb_info, "compose_hash", 32),
        os_image_hash=_hex(document, "os_image_hash", 32) or _hex(tcb_info, "os_image_hash", 32),
        app_compose=_text(tcb_info, "app_compose"),
        key_provider=_nested(document, "key_provider_info") or None,
        tcb_info=tcb_info or None,
        vm_config=_nested(document, "vm_config") or None,
    )


def _text(holder: dict[str, Json], key: str) -> str | None:
    value = holder.get(key)
    if value is not None and not isinstance(value, str):
        raise EvidenceMalformed(f"{_WHAT}: {key} is no text.")
    return value or None


def _hex(holder: dict[str, Json], key: str, size: int) -> str | None:
    text = _text(holder, key)
    return None if text is None else from_hex(text, f"{_WHAT}: {key}", size=size).hex()


def _nested(holder: dict[str, Json], key: str) -> dict[str, Json]:
    value = holder.get(key)
    if value is None or value == "":
        return {}
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise EvidenceMalformed(f"{_WHAT}: {key} is neither an object nor JSON in text.")
    return read_object(value.encode(), f"{_WHAT}: {key}", limit=MAX_INFO)
