"""What the payloads of dstack's own events look like."""

import json
import re
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge
from sp1tee.verify.reading import from_hex, read_object
from sp1tee.verify.reading.files import KIB
from sp1tee.verify.rtmr3 import chains

APP_ID_SIZE: Final = 20
KMS: Final = "kms"
PROVIDERS: Final = (KMS, "local-sgx", "tpm", "none")
FILE_SYSTEMS: Final = (b"zfs", b"ext4")
_SIZES: Final[dict[str, tuple[int, ...]]] = {
    chains.PREPARING: (0,),
    chains.ROOTFS_HASH: (32,),
    chains.APP_ID: (APP_ID_SIZE,),
    chains.COMPOSE_HASH: (32,),
    chains.CA_CERT_HASH: (32,),
    chains.INIT_SCRIPT: (32,),
    chains.GPU_POLICY: (32,),
    # Empty if the app asked for none (`no_instance_id`).
    chains.INSTANCE_ID: (20, 0),
    chains.BOOT_DONE: (0,),
    chains.MR_KMS: (32,),
    chains.OS_IMAGE_HASH: (32,),
    chains.READY: (0,),
}
_ID_SIZES: Final = {"local-sgx": 32, "tpm": 0, "none": 0}
# SubjectPublicKeyInfo of a P-256 key (RFC 5480), before the point.
_P256: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
_POINT: Final = 65
_LIMIT: Final = 4 * KIB
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_GPU_KEYS: Final = {"version", "provider", "devices", "cc_mode", "devtools", "evidence_sha256"}


@dataclass(frozen=True, slots=True)
class Provider:
    """Who hands the guest its keys.

    Attributes:
        name: one of `PROVIDERS`.
        id: a KMS's root public key (DER), the MRENCLAVE of a local provider, or nothing.
    """

    name: str
    id: bytes

    @property
    def payload(self) -> bytes:
        """The event's payload: JSON as dstack writes it, without spaces."""
        pair = {"name": self.name, "id": self.id.hex()}
        return json.dumps(pair, separators=(",", ":")).encode()


def read_provider(payload: bytes) -> Provider:
    """Read a key provider from JSON with `name` and `id`.

    Raises:
        EvidenceMalformed: it is something else, or an id that such a provider can't have.
        EvidenceTooLarge: it has more than 4 KiB.
    """
    value = read_object(payload, "The key provider", limit=_LIMIT)
    name = value.get("name")
    if value.keys() != {"name", "id"} or not isinstance(name, str) or name not in PROVIDERS:
        raise EvidenceMalformed(
            "The key provider has not exactly a name, one of " + ", ".join(PROVIDERS) + ", and id."
        )
    provider = Provider(name, from_hex(value["id"], "The key provider's id"))
    if name == KMS:
        fits = provider.id.startswith(_P256) and len(provider.id) == len(_P256) + _POINT
    else:
        fits = len(provider.id) == _ID_SIZES[name]
    if not fits:
        raise EvidenceMalformed(f"The key provider's id is none of a provider named {name}.")
    return provider


def trouble(name: str, payload: bytes) -> str | None:
    """Say what is wrong with the payload of one of dstack's own events; None if nothing is."""
    if name in _SIZES and len(payload) not in _SIZES[name]:
        wanted = " or ".join(map(str, _SIZES[name]))
        return f"has {len(payload)} bytes, not {wanted}"
    if name == chains.STORAGE_FS and payload not in FILE_SYSTEMS:
        return "is neither zfs nor ext4"
    try:
        if name == chains.KEY_PROVIDER:
            return _provider_trouble(payload)
        if name == chains.GPU_ATTESTATION:
            _read_gpu_attestation(payload)
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        return f"is not what dstack writes: {error}"
    return None


def _provider_trouble(payload: bytes) -> str | None:
    if read_provider(payload).payload != payload:
        return "is a key provider, but not in the form that dstack writes"
    return None


def _read_gpu_attestation(payload: bytes) -> None:
    value = read_object(payload, "The GPU attestation", limit=_LIMIT)
    digest = value.get("evidence_sha256")
    if value.keys() != _GPU_KEYS or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise EvidenceMalformed("The GPU attestation has other keys than dstack's.")
