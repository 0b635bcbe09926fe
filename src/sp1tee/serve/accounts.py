"""Who is calling: bearer tokens, signatures, the allow-list."""

import hashlib
import hmac
from collections.abc import Collection, Iterable

from sp1tee.errors import BadSignature, MalformedCall, NotAllowed, NotAuthorized, SignatureError
from sp1tee.serve.calls import SignedCall
from sp1tee.serve.checks import decode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.signing import CREATE_ARTIFACT_TEXT, Address, checksum_address, recover

_SCHEME = "bearer "


class Accounts:
    """Decides whether a caller is one this server works for.

    Args:
        allowed: the accounts served; everybody if empty.
        bearer_token: what every call must carry in its metadata, if anything.
    """

    def __init__(self, allowed: Collection[Address] = (), bearer_token: str | None = None) -> None:
        self._allowed = frozenset(allowed)
        # Digests have one length, so that comparing them takes the same time for every guess.
        self._token = _digest(bearer_token) if bearer_token is not None else None

    @property
    def asks_for_token(self) -> bool:
        """Whether every caller must hold this server's token."""
        return self._token is not None

    @property
    def are_chosen(self) -> bool:
        """Whether the operator decides who may call, be it by a list or by a token."""
        return bool(self._allowed) or self.asks_for_token

    def authorize(self, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        """Check the bearer token of a call.

        Raises:
            NotAuthorized: one is asked for and it is missing or another one.
        """
        if self._token is None:
            return
        given = next((value for key, value in metadata or () if key == "authorization"), None)
        if not isinstance(given, str) or given[: len(_SCHEME)].lower() != _SCHEME:
            raise NotAuthorized("This server asks for a bearer token, and the call has none.")
        if not hmac.compare_digest(_digest(given[len(_SCHEME) :]), self._token):
            raise NotAuthorized("The call's bearer token is not the one this server asks for.")

    def signed(self, envelope: bytes) -> SignedCall:
        """Open a signed envelope and name its signer.

        Raises:
            MalformedCall: it is no envelope, or signed in another form than BINARY.
            BadSignature: nobody can have signed it.
            NotAllowed: its signer is not served here.
        """
        message = decode(types_pb2.SignedRequest, envelope)
        if message.format != types_pb2.BINARY:
            raise MalformedCall("The body is not signed in the format BINARY (1).")
        if not message.body:
            raise MalformedCall("The signed body is missing.")
        signer = self._signer(message.body, message.signature)
        return SignedCall(signer=signer, signature=message.signature, body=message.body)

    def artifact_owner(self, signature: bytes) -> Address:
        """Name who signed a CreateArtifact; raises as `signed` does."""
        return self._signer(CREATE_ARTIFACT_TEXT, signature)

    def _signer(self, message: bytes, signature: bytes) -> Address:
        try:
            signer = recover(message, signature)
        except SignatureError as error:
            raise BadSignature(error.message, advice=error.advice) from None
        if self._allowed and signer not in self._allowed:
            raise NotAllowed(
                f"The account {checksum_address(signer)} is not served here.",
                advice="Ask the operator to add it to allow_requesters, or sign with another key.",
            )
        return signer


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
