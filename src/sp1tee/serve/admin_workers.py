"""The workers as operators see them, under /admin/workers on the worker listener."""

import re
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from sp1tee import logs
from sp1tee.certificates import FINGERPRINT_SIZE
from sp1tee.errors import HexError, MalformedCall
from sp1tee.serve.admin_messages import moment
from sp1tee.serve.http import Exchange
from sp1tee.serve.registry import Registry
from sp1tee.serve.routes import Route
from sp1tee.serve.tokens import new_token
from sp1tee.store.identities import Identities
from sp1tee.store.worker_records import WorkerIdentity
from sp1tee.wire.hexes import from_hex

_OK: Final = 200
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_log = logs.get(__name__)


class WorkerAdmin:
    """Gives workers tokens of their own, and takes them away."""

    def __init__(
        self,
        identities: Identities,
        registry: Registry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identities = identities
        self._registry = registry
        self._clock = clock

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where it answers."""
        return (
            Route("/admin/workers", {"GET": self.ls}),
            Route("/admin/workers/{worker}/add", {"POST": self.add}),
            Route("/admin/workers/{worker}/drain", {"POST": self.drain}),
            Route("/admin/workers/{worker}/resume", {"POST": self.resume}),
            Route("/admin/workers/{worker}/revoke", {"POST": self.revoke}),
        )

    async def ls(self, exchange: Exchange) -> None:
        """Answer GET: workers with tokens of their own, and those that share one and were seen."""
        seen = {seen.worker: seen.at for seen in await self._registry.workers()}
        known = await self._identities.all()
        sharing = seen.keys() - {identity.name for identity in known}
        shown = [*map(identity_fields, known), *map(_sharing_fields, sorted(sharing))]
        for fields in shown:
            at = seen.get(fields["name"])
            fields["seen_s_ago"] = None if at is None else round(self._clock() - at, 1)
        await exchange.answer_json(_OK, {"workers": shown})

    async def add(self, exchange: Exchange) -> None:
        """Answer POST: a certificate is admitted, or there is a token, which is shown this once."""
        name, certificate = _named(exchange), _fingerprint(exchange)
        if certificate is not None:
            admitted = await self._identities.add(name, certificate, "wcert")
            _log.info("a worker's certificate is good", worker=name, token_id=admitted.id)
            await exchange.answer_json(_OK, {"name": name, "token_id": admitted.id})
            return
        token = new_token()
        made = await self._identities.add(name, sha256(token.encode()).digest())
        _log.info("a worker got a token", worker=name, token_id=made.id)
        content = {"name": name, "token_id": made.id, "token": token}
        await exchange.answer_json(_OK, content, headers=[(b"cache-control", b"no-store")])

    async def drain(self, exchange: Exchange) -> None:
        """Answer POST: the worker gets no more leases."""
        await self._changed(exchange, await self._identities.drain(_named(exchange)))

    async def resume(self, exchange: Exchange) -> None:
        """Answer POST: the worker gets leases again."""
        await self._changed(exchange, await self._identities.resume(_named(exchange)))

    async def revoke(self, exchange: Exchange) -> None:
        """Answer POST: a token, or all of the worker's, is good no more."""
        token_id = exchange.query("token")
        if token_id is None and exchange.scope["query_string"]:
            raise MalformedCall("The query means nothing.", advice="Name one token, or none.")
        await self._changed(exchange, await self._identities.revoke(_named(exchange), token_id))

    async def _changed(self, exchange: Exchange, identity: WorkerIdentity) -> None:
        _log.info("a worker was changed", worker=identity.name, state=identity.state.value)
        await exchange.answer_json(_OK, identity_fields(identity))


def worker_name_of(text: str) -> str:
    """Check the name of a worker with tokens of its own.

    Raises:
        MalformedCall: it is none.
    """
    if not _NAME.fullmatch(text):
        raise MalformedCall(
            "This is no name for a worker.",
            advice="Give 1 to 63 of a-z, 0-9, dot, underscore and dash; not a sign first.",
        )
    return text


def identity_fields(identity: WorkerIdentity) -> dict[str, Any]:
    """Describe a worker; of its tokens nothing but their names and ages."""
    return {
        "name": identity.name,
        "state": identity.state.value,
        "reason": identity.reason,
        "tokens": [
            {"id": token.id, "created_at": moment(token.created_at)} for token in identity.tokens
        ],
    }


def _sharing_fields(name: str) -> dict[str, Any]:
    return {"name": name, "state": "shares a token", "reason": None, "tokens": []}


def _fingerprint(exchange: Exchange) -> bytes | None:
    """Read which certificate is to be good; None if a token is wanted."""
    text = exchange.query("certificate")
    if text is None:
        if exchange.scope["query_string"]:
            raise MalformedCall("The query means nothing.", advice="Name a certificate, or none.")
        return None
    try:
        return from_hex(text, FINGERPRINT_SIZE, "certificate's fingerprint")
    except HexError as error:
        raise MalformedCall(error.message, advice=error.advice) from None


def _named(exchange: Exchange) -> str:
    return worker_name_of(exchange.parameters["worker"])
