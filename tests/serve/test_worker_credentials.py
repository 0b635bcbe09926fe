"""Tokens and certificates together: who is a worker, and which one."""

from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sp1tee.authority import Authority
from sp1tee.certificates import read_pem
from sp1tee.serve.worker_credentials import Worker, WorkerCredentials

pytestmark = pytest.mark.anyio

SHARED, OWN = "the-shared-token", "the-own-token-of-gpu-1"
AUTHORITY = Authority.new(["localhost"], 10)


def certificate(name: str) -> str:
    return AUTHORITY.worker(name, 5).certificate.public_bytes(Encoding.PEM).decode()


GPU_1, GPU_1_AGAIN, GPU_2, STRANGER = map(certificate, ("gpu-1", "gpu-1", "gpu-2", "stranger"))


class Known:
    """gpu-1 has a token and a certificate; gpu-2 was revoked."""

    def __init__(self) -> None:
        self.hashes = {
            sha256(OWN.encode()).digest(): "gpu-1",
            read_pem(GPU_1).fingerprint: "gpu-1",
        }

    async def by_token(self, token_hash: bytes) -> str | None:
        return self.hashes.get(token_hash)

    async def is_known(self, name: str) -> bool:
        return name in {"gpu-1", "gpu-2"}


async def seen(
    token: str | bytes | None, shown: str | None, *, shared: str | None = SHARED, now: float = 0
) -> Worker | None:
    identities: Any = Known()
    value = token.encode() if isinstance(token, str) else token
    scope: dict[str, Any] = {
        "headers": [] if value is None else [(b"authorization", b"Bearer " + value)],
        "extensions": {"tls": {"client_cert_chain": () if shown is None else (shown,)}},
    }
    return await WorkerCredentials(shared, identities, lambda: now).worker(scope)


@pytest.mark.parametrize(
    ("token", "shown", "who"),
    [
        (SHARED, None, Worker(None)),
        (OWN, None, Worker("gpu-1")),
        (None, GPU_1, Worker("gpu-1")),
        (OWN, GPU_1, Worker("gpu-1")),
        (OWN, GPU_1_AGAIN, Worker("gpu-1")),
        (SHARED, STRANGER, Worker(None)),
    ],
)
async def test_a_worker_is_known_by_what_it_shows(
    token: str | None, shown: str | None, who: Worker
) -> None:
    assert await seen(token, shown) == who


async def test_nobody_is_nobody() -> None:
    assert await seen(None, None) is None
    assert await seen("rubbish", None) is None
    assert await seen(b"\xff", GPU_1) is None


async def test_a_certificate_that_was_not_admitted_is_nobody_s() -> None:
    assert await seen(None, STRANGER) is None
    assert await seen(None, GPU_1_AGAIN) is None


async def test_a_stolen_token_is_no_use_with_another_s_certificate() -> None:
    assert await seen(OWN, GPU_2) is None
    assert await seen(OWN, STRANGER) is None


async def test_a_revoked_worker_does_not_come_back_with_the_shared_token() -> None:
    assert await seen(SHARED, GPU_2) is None


async def test_a_worker_with_its_own_does_not_hide_behind_the_shared_token() -> None:
    assert await seen(SHARED, GPU_1) is None


async def test_the_shared_token_can_be_switched_off() -> None:
    assert await seen(SHARED, STRANGER, shared=None) is None


async def test_a_wrong_token_is_not_made_good_by_a_certificate() -> None:
    assert await seen("rubbish", GPU_1) is None


async def test_a_certificate_that_expires_ends_its_open_connections() -> None:
    until = read_pem(GPU_1).until
    assert await seen(None, GPU_1, now=until) == Worker("gpu-1")
    assert await seen(None, GPU_1, now=until + 1) is None
    assert await seen(OWN, GPU_1, now=until + 1) is None


async def test_a_certificate_is_no_token() -> None:
    shown = read_pem(GPU_1)
    assert await seen(shown.fingerprint, None) is None
    assert await seen(shown.fingerprint.hex(), None) is None
