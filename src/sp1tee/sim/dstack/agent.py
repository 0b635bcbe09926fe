"""What the agent answers, method by method."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from sp1tee.sim.dstack.keys import AppKeys
from sp1tee.sim.ingress import Host, guest
from sp1tee.sim.ingress.http_server import Asked
from sp1tee.sim.ingress.replies import Reply

Generation: TypeAlias = Literal["dstack", "tappd"]
"""``dstack``: the methods since 0.4; ``tappd``: the older ones."""

_Question: TypeAlias = Mapping[str, Any]
_REPORT_DATA: Final = 64


class Unanswerable(ValueError):  # noqa: N818 - it never leaves this room
    """A question that a real agent answers with an error."""


def of_application(host: Host, app_id: bytes) -> Host:
    """Return the host with another application in its guest."""
    return replace(host, guest=replace(host.booted, app_id=app_id))


class Agent:
    """Answers requests as a guest agent of one generation does."""

    def __init__(self, host: Host, generation: Generation = "dstack") -> None:
        self._host = host
        self._booted = guest.start(host)
        self._keys = AppKeys(host.seed, host.booted.app_id)
        self._methods = self._dstack() if generation == "dstack" else self._tappd()

    def answer(self, asked: Asked) -> Reply:
        """Answer a request, by POST with JSON or by GET with a query."""
        url = urlsplit(asked.target)
        method = self._methods.get(url.path)
        if method is None:
            return _error(HTTPStatus.NOT_FOUND, "method Not Found")
        try:
            question = dict(parse_qsl(url.query)) if asked.method == "GET" else _read(asked.body)
            return Reply(json.dumps(method(question)).encode(), "application/json")
        except Unanswerable as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))

    def _dstack(self) -> dict[str, Callable[[_Question], dict[str, Any]]]:
        return {"/GetKey": self._key, "/GetQuote": self._quote, "/Info": self._info}

    def _tappd(self) -> dict[str, Callable[[_Question], dict[str, Any]]]:
        return {
            "/prpc/Tappd.DeriveKey": self._derived_key,
            "/prpc/Tappd.RawQuote": self._raw_quote,
            "/prpc/Tappd.Info": self._info,
        }

    def _key(self, question: _Question) -> dict[str, Any]:
        path, purpose = str(question.get("path", "")), str(question.get("purpose", ""))
        chain = self._keys.signatures(path, purpose)
        return {
            "key": self._keys.derive(path).hex(),
            "signature_chain": [signature.hex() for signature in chain],
        }

    def _derived_key(self, question: _Question) -> dict[str, Any]:
        pem = self._keys.p256_pem(str(question.get("path", "")))
        return {"key": pem, "certificate_chain": []}

    def _quote(self, question: _Question) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(
            guest.quote_json(self._host, self._booted, _report_data(question))
        )
        return told

    def _raw_quote(self, question: _Question) -> dict[str, Any]:
        told = self._quote(question)
        kept = {name: told[name] for name in ("quote", "event_log")}
        return {**kept, "hash_algorithm": "raw", "prefix": ""}

    def _info(self, _question: _Question) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(guest.info(self._host, self._booted))
        return told


def _read(body: bytes) -> dict[str, Any]:
    try:
        question = json.loads(body or b"{}")
    except ValueError:
        question = None
    if not isinstance(question, dict):
        raise Unanswerable("DecodeError")
    return question


def _report_data(question: _Question) -> bytes:
    try:
        data = bytes.fromhex(question["report_data"])
    except (KeyError, TypeError, ValueError):
        raise Unanswerable("DecodeError") from None
    if len(data) > _REPORT_DATA:
        raise Unanswerable("Report data is too long")
    return data.ljust(_REPORT_DATA, b"\0")


def _error(status: HTTPStatus, text: str) -> Reply:
    return Reply(json.dumps({"error": text}).encode(), "application/json", status)
