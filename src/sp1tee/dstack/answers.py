"""What guest agents answer, read strictly (dstack ``agent_rpc.proto``; bytes are hex in JSON)."""

import json
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sp1tee.dstack.exchange import Fields
from sp1tee.errors import AgentGarbled, AgentRefused, HexError
from sp1tee.wire.hexes import from_hex

KEY_SIZE: Final = 32
REPORT_DATA_SIZE: Final = 64
APP_ID_SIZE: Final = 20


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote, and what a verifier needs beside it; none of it verified.

    Attributes:
        raw: the quote.
        report_data: the 64 bytes that were asked for.
        event_log: JSON, as the agent wrote it.
        vm_config: JSON; None from agents before dstack 0.5.
    """

    raw: bytes = field(repr=False)
    report_data: bytes
    event_log: str = field(repr=False)
    vm_config: str | None = field(repr=False)

    def to_json(self) -> dict[str, str]:
        """Write it as GetQuote does, which is what `sp1tee verify quote` reads."""
        told = {
            "quote": self.raw.hex(),
            "event_log": self.event_log,
            "report_data": self.report_data.hex(),
        }
        return told if self.vm_config is None else {**told, "vm_config": self.vm_config}


@dataclass(frozen=True, slots=True)
class Guest:
    """Who the agent says that this guest is.

    Attributes:
        app_id: the application, 20 bytes; its keys follow from it.
        instance_id: this instance of it; empty if instances cannot be told apart.
        key_provider: who hands out the keys: ``kms``, ``local-sgx``, ``tpm`` or ``none``; None from
            agents before dstack 0.4.
    """

    app_id: bytes
    instance_id: bytes
    key_provider: str | None


def read_key(answer: Fields) -> bytes:
    """Read the answer to GetKey: 32 bytes.

    Raises:
        AgentGarbled: it is none.
    """
    return _key(_hex(answer, "key", KEY_SIZE))


def read_derived_key(answer: Fields) -> bytes:
    """Read the answer to Tappd.DeriveKey: the 32 bytes of a P-256 key in PKCS#8 PEM.

    An agent since dstack 0.4 makes them of the same bytes that GetKey gives for the same path.

    Raises:
        AgentGarbled: it is none.
    """
    try:
        key = load_pem_private_key(_text(answer, "key").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AgentGarbled("The guest agent's key is no private key in PEM.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise AgentGarbled("The guest agent's key is no P-256 key.")
    return _key(key.private_numbers().private_value.to_bytes(KEY_SIZE))


def read_quote(answer: Fields, report_data: bytes) -> Quote:
    """Read the answer to GetQuote or Tappd.RawQuote.

    Raises:
        AgentRefused: this guest has no TDX quote.
        AgentGarbled: it is no quote over this report data.
    """
    raw = _hex(answer, "quote")
    if not raw:
        raise AgentRefused(
            "The guest agent gives no TDX quote.", advice="Run this in a TDX guest of dstack."
        )
    if answer.get("report_data") and _hex(answer, "report_data") != report_data:
        raise AgentGarbled("The guest agent's quote is over other report data.")
    return Quote(
        raw, report_data, _text(answer, "event_log"), _text(answer, "vm_config", "") or None
    )


def read_guest(answer: Fields) -> Guest:
    """Read the answer to Info.

    Raises:
        AgentGarbled: it does not say who the guest is.
    """
    return Guest(
        _hex(answer, "app_id", APP_ID_SIZE),
        _hex(answer, "instance_id"),
        _provider(_text(answer, "key_provider_info", "")),
    )


def _provider(text: str) -> str | None:
    """Return the provider's name, which stands in JSON inside of the JSON."""
    if not text:
        return None
    try:
        name = json.loads(text)["name"]
    except (ValueError, RecursionError, TypeError, KeyError):
        name = None
    if not isinstance(name, str):
        raise AgentGarbled("The guest agent's key_provider_info names no provider.")
    return name


def _key(key: bytes) -> bytes:
    if not any(key):
        raise AgentGarbled("The guest agent's key is all zeros.")
    return key


def _hex(answer: Fields, name: str, size: int | None = None) -> bytes:
    try:
        return from_hex(_text(answer, name), size, name)
    except HexError:
        wanted = "hex" if size is None else f"{size} bytes in hex"
        raise AgentGarbled(f"The guest agent's {name} is not {wanted}.") from None


def _text(answer: Fields, name: str, default: str | None = None) -> str:
    value = answer.get(name, default)
    if not isinstance(value, str):
        raise AgentGarbled(f"The guest agent's answer has no {name}.")
    return value
