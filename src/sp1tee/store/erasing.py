"""Blob keys: recorded when a blob comes into use, deleted when its content must be unreadable."""

from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, insert, select, update

from sp1tee.store.records import WAITING_STATES, SealedBlob
from sp1tee.store.schema import artifacts, blobs, in_states, requests
from sp1tee.store.writer import Tx

_WANTED: Final = select(
    exists().where(requests.c.stdin_artifact == bindparam("artifact"), in_states(WAITING_STATES))
)
_BLOB_OF: Final = (
    select(artifacts.c.blob).where(artifacts.c.id == bindparam("artifact")).with_for_update()
)
_ERASED: Final[dict[str, Any]] = {"state": "erased", "blob": None, "token_hash": None}


def keep_blob(tx: Tx, sealed: SealedBlob) -> None:
    """Record a blob's key: from now on it can be read."""
    tx.connection.execute(
        insert(blobs),
        {
            "id": sealed.id,
            "wrapped_key": sealed.wrapped_key,
            "size": sealed.size,
            "sha256": sealed.sha256,
        },
    )


def erase_blob(tx: Tx, blob_id: str) -> None:
    """Delete a blob's key: from now on nobody can read it. Its file goes after the commit."""
    tx.connection.execute(delete(blobs).where(blobs.c.id == blob_id))
    tx.erased.append(blob_id)


def erase_artifact(tx: Tx, artifact_id: str) -> None:
    """Close an upload place, and erase what was uploaded there."""
    _erase(tx, artifact_id, _locked_blob(tx, artifact_id))


def release_input(tx: Tx, artifact_id: str) -> None:
    """Erase an input unless a request still waits for a proof of it."""
    # Locked first: a request that comes to need it, or to need it no more, is seen then.
    blob = _locked_blob(tx, artifact_id)
    if not tx.connection.execute(_WANTED, {"artifact": artifact_id}).scalar_one():
        _erase(tx, artifact_id, blob)


def _locked_blob(tx: Tx, artifact_id: str) -> str | None:
    blob: str | None = tx.connection.scalar(_BLOB_OF, {"artifact": artifact_id})
    return blob


def _erase(tx: Tx, artifact_id: str, blob: str | None) -> None:
    tx.connection.execute(update(artifacts).where(artifacts.c.id == artifact_id).values(_ERASED))
    if blob is not None:
        erase_blob(tx, blob)
