"""Rows as records."""

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Column, Row, Table

from sp1tee.store.records import Artifact, Program, RequestRecord, SealedBlob, State
from sp1tee.store.schema import artifacts, blobs, programs, requests


def _columns(table: Table, record: type[Any]) -> tuple[Column[Any], ...]:
    return tuple(table.c[field.name] for field in fields(record))


REQUEST_COLUMNS: Final = _columns(requests, RequestRecord)
ARTIFACT_COLUMNS: Final = _columns(artifacts, Artifact)
PROGRAM_COLUMNS: Final = _columns(programs, Program)
BLOB_COLUMNS: Final = _columns(blobs, SealedBlob)


def request_record(row: Row[Any]) -> RequestRecord:
    """Read a row of `REQUEST_COLUMNS`."""
    values = row._asdict()
    values["state"] = State(values["state"])
    return RequestRecord(**values)


def artifact_record(row: Row[Any]) -> Artifact:
    """Read a row of `ARTIFACT_COLUMNS`."""
    return Artifact(**row._asdict())


def program_record(row: Row[Any]) -> Program:
    """Read a row of `PROGRAM_COLUMNS`."""
    return Program(**row._asdict())


def sealed_blob(row: Row[Any]) -> SealedBlob:
    """Read a row of `BLOB_COLUMNS`."""
    return SealedBlob(**row._asdict())
