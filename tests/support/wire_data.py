"""Golden bytes, recorded traffic and real proofs: what tests compare with."""

import functools
import json
import lzma
from pathlib import Path
from typing import Any

from sp1tee.wire.signing import Signer

DATA = Path(__file__).parents[1] / "data"
RECORDINGS = sorted(
    f"{path.parent.name}/{path.stem}" for path in (DATA / "sdk-traffic").glob("*/*.json")
)

SAMPLE_VK_HASH = bytes.fromhex("7db56c514f915b927d84f61f6211cb6f6cfbcce8668afbd43067cb4804747924")
SAMPLE_PUBLIC_VALUES = bytes.fromhex("e80300000000000001")


@functools.cache
def vectors() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DATA / "wire" / "vectors.json").read_text())
    return content


def vector(section: str, name: str) -> dict[str, Any]:
    entries = vectors()[section]
    cases = entries["cases"] if isinstance(entries, dict) else entries
    return next(case for case in cases if case["name"] == name)


@functools.cache
def recording(name: str) -> dict[str, Any]:
    """A recorded `prove()` of the SDK, e.g. ``6.10.0/mainnet``."""
    content: dict[str, Any] = json.loads((DATA / "sdk-traffic" / f"{name}.json").read_text())
    return content


def recorded_requests(name: str, method: str) -> list[bytes]:
    """The encoded requests of one method in a recording, in order."""
    rpcs = recording(name)["rpcs"]
    return [bytes.fromhex(r["request"]) for r in rpcs if r["method"].endswith("/" + method)]


@functools.cache
def real_proof(mode: str) -> bytes:
    """A real v6.1.0 proof, ``core`` or ``compressed``, as the SDK saved it."""
    return lzma.decompress((DATA / "proofs" / f"solvency-sample-{mode}.bin.xz").read_bytes())


def deferred(vk: bytes) -> bytes:
    """The real compressed proof and a verifying key, as an input holds proofs to verify."""
    # Without the number of its kind in front, and behind it public values and version.
    around = len(SAMPLE_PUBLIC_VALUES) + len("v6.1.0") + 17
    return real_proof("compressed")[4:-around] + vk


def sample(suffix: str) -> bytes:
    """What the real proofs were made from: ``.elf``, ``.stdin`` or ``-vk.bin``."""
    return (DATA / "proofs" / f"solvency-sample{suffix}").read_bytes()


def key(name: str) -> Signer:
    """One of the vectors' two public test keys."""
    entry = next(k for k in vectors()["keys"] if k["name"] == name)
    return Signer.from_hex(entry["private_key"])
