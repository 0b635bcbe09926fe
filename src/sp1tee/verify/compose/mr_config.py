"""``mr_config_id``: 48 bytes of the quote in which the host states the configuration.

The CPU signs them, but the host chooses them; a genuine dstack guest refuses to boot on a value
that does not fit, so they count only together with a genuine OS image (dstack-types `MrConfig`):

- zeros: none stated;
- ``01``, compose hash, 15 zeros;
- ``02``, Keccak-256 of compose hash, app id, kind of key provider (1 byte) and its id, 15 zeros;
- ``03``, SHA-256 of ``dstack-mr-config-v3:``, a zero byte and a JSON document, 15 zeros. The
  document is JCS (RFC 8785); it names a GPU policy only on machines with GPUs.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sp1tee.verify.compose.app_compose import KeyProvider, Table

MR_CONFIG_ID_SIZE: Final = 48
_DIGEST_END: Final = 33
_DOMAIN: Final = b"dstack-mr-config-v3:\0"


@dataclass(frozen=True, slots=True)
class Identity:
    """What else identifies a guest; None where it is not known.

    Attributes:
        app_id: 20 bytes, of the event ``app-id``.
        instance_id: 20 bytes or none, of the event ``instance-id``.
    """

    app_id: bytes | None = None
    instance_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a guest was configured with.

    Attributes:
        compose_hash: SHA-256 of app-compose.json.
        key_provider: the kind.
        key_provider_id: which one.
        gpu_policy: what is demanded of GPUs.
    """

    compose_hash: bytes
    key_provider: KeyProvider
    key_provider_id: bytes
    gpu_policy: Table


def stated_version(mr_config_id: bytes) -> int | None:
    """Return the version; 0 for zeros, None if it is none of the known forms."""
    if not any(mr_config_id):
        return 0
    tail = mr_config_id[_DIGEST_END:]
    known = mr_config_id[0] in (1, 2, 3) and not any(tail)
    return mr_config_id[0] if known and len(mr_config_id) == MR_CONFIG_ID_SIZE else None


def fitting_values(
    version: int, configuration: Configuration, identity: Identity
) -> tuple[bytes, ...] | None:
    """Return every ``mr_config_id`` that states this configuration in a version.

    Returns:
        One value, or two where it depends on whether the machine has GPUs; None if something that
        it is made of is not known.
    """
    if version == 1:
        return (_value(1, configuration.compose_hash),)
    if identity.app_id is None:
        return None
    if version == 2:  # noqa: PLR2004 - the version
        return (_value(2, _digest_v2(configuration, identity.app_id)),)
    if identity.instance_id is None:
        return None
    documents = _documents_v3(configuration, identity.app_id, identity.instance_id)
    return tuple(_value(3, hashlib.sha256(_DOMAIN + text).digest()) for text in documents)


def _value(version: int, digest: bytes) -> bytes:
    return (bytes([version]) + digest).ljust(MR_CONFIG_ID_SIZE, b"\0")


def _digest_v2(configuration: Configuration, app_id: bytes) -> bytes:
    from Crypto.Hash import keccak  # noqa: PLC0415 - one version of three needs it

    digest = keccak.new(digest_bits=256)
    digest.update(configuration.compose_hash + app_id)
    digest.update(bytes([configuration.key_provider]) + configuration.key_provider_id)
    return digest.digest()


def _documents_v3(
    configuration: Configuration, app_id: bytes, instance_id: bytes
) -> Iterator[bytes]:
    import rfc8785  # noqa: PLC0415 - one version of three needs it

    document: dict[str, Any] = {
        "version": 3,
        "app_id": app_id.hex(),
        "compose_hash": configuration.compose_hash.hex(),
        "instance_id": instance_id.hex(),
        "key_provider": str(configuration.key_provider),
        "key_provider_id": configuration.key_provider_id.hex(),
    }
    policy: dict[str, Any] = dict(configuration.gpu_policy)
    yield rfc8785.dumps(document)
    with suppress(rfc8785.CanonicalizationError):  # a policy with numbers that JCS has no form for
        digest = hashlib.sha256(rfc8785.dumps(policy)).hexdigest()
        yield rfc8785.dumps({**document, "gpu_policy_hash": digest})
