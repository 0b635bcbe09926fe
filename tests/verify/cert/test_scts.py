"""Timestamps of CT logs, signed by real keys."""

import base64
import json
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from support.scts import DAY, NOW, Authority, CtLog, Issued, log_list

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.cert import Outcome, Sct, read_logs
from sp1tee.verify.cert.scts import check, distinct

NAME = "tee.example.com"


@cache
def ca() -> Authority:
    return Authority()


def checked(issued: Issued, *known: CtLog, at: int = NOW, issuer: bool = True) -> tuple[Sct, ...]:
    leaf, above = (x509.load_der_x509_certificate(der) for der in issued.chain)
    return check(leaf, above if issuer else None, read_logs(log_list(*known)), at=at)


def outcomes(found: tuple[Sct, ...]) -> list[Outcome]:
    return [sct.outcome for sct in found]


def test_timestamps_of_known_logs_are_valid():
    one, two = CtLog("One"), CtLog("Two")
    found = checked(ca().issue(NAME, logs=(one, two)), one, two)
    assert outcomes(found) == [Outcome.VALID, Outcome.VALID]
    assert [sct.name for sct in found] == ["One", "Two"]
    assert [sct.timestamp for sct in found] == [(NOW - DAY) * 1000 + 1] * 2
    assert distinct(found) == 2


def test_a_log_with_an_rsa_key_signs_too():
    log = CtLog("RSA", key=rsa.generate_private_key(65537, 2048))
    assert outcomes(checked(ca().issue(NAME, logs=(log,)), log)) == [Outcome.VALID]


def test_attack_52_a_timestamp_over_another_certificate_is_forged():
    log = CtLog("One")
    assert outcomes(checked(ca().issue(NAME, logs=(log,), spoil=True), log)) == [Outcome.FORGED]


def test_a_timestamp_of_another_issuer_s_precertificate_is_forged():
    log = CtLog("One")
    issued = ca().issue(NAME, logs=(log,))
    other = Authority().issue(NAME)
    swapped = replace(issued, chain=(issued.leaf, other.chain[1]))
    assert outcomes(checked(swapped, log)) == [Outcome.FORGED]


def test_a_timestamp_signed_with_another_key_is_forged():
    log = CtLog("One")
    liar = CtLog("Liar")
    liar.sign = lambda *of: log.id.join(  # type: ignore[method-assign]
        CtLog.sign(liar, *of).split(liar.id)
    )
    assert outcomes(checked(ca().issue(NAME, logs=(liar,)), log)) == [Outcome.FORGED]


def test_attack_18_a_timestamp_from_the_future_does_not_count():
    log = CtLog("One")
    issued = ca().issue(NAME, logs=(log,), sct_ms=(NOW + 60) * 1000)
    assert outcomes(checked(issued, log)) == [Outcome.FUTURE]
    assert outcomes(checked(issued, log, at=NOW + 60)) == [Outcome.VALID]


def test_a_log_that_takes_no_such_certificates_does_not_count():
    log = CtLog("One", interval=("2027-01-01T00:00:00Z", "2027-07-01T00:00:00Z"))
    assert outcomes(checked(ca().issue(NAME, logs=(log,)), log)) == [Outcome.OUTSIDE]


def test_a_log_that_was_retired_before_does_not_count():
    log = CtLog("One", state="retired", since="2026-06-01T00:00:00Z")
    assert outcomes(checked(ca().issue(NAME, logs=(log,)), log)) == [Outcome.NOT_COUNTED]


def test_a_log_that_is_not_in_the_list_is_named_by_its_id():
    log = CtLog("One")
    found = checked(ca().issue(NAME, logs=(log,)), CtLog("Other"))
    assert outcomes(found) == [Outcome.UNKNOWN_LOG]
    assert found[0].name == log.id.hex()


def test_without_the_issuer_nothing_can_be_said():
    log = CtLog("One")
    found = checked(ca().issue(NAME, logs=(log,)), log, issuer=False)
    assert outcomes(found) == [Outcome.NO_ISSUER]


def test_one_log_twice_counts_once():
    log = CtLog("One")
    found = checked(ca().issue(NAME, logs=(log, log)), log)
    assert outcomes(found) == [Outcome.VALID, Outcome.VALID]
    assert distinct(found) == 1


def test_a_certificate_without_timestamps_has_none():
    assert checked(ca().issue(NAME), CtLog("One")) == ()


def test_more_timestamps_than_any_certificate_has_are_refused():
    log = CtLog("One")
    with pytest.raises(EvidenceMalformed, match="more than"):
        checked(ca().issue(NAME, logs=(log,) * 33), log)


@pytest.mark.parametrize("at_ms", [2**63, 2**64 - 1])
def test_a_timestamp_beyond_the_calendar_is_no_crash(at_ms: int):
    log = CtLog("One")
    try:
        found = checked(ca().issue(NAME, logs=(log,), sct_ms=at_ms), log)
    except EvidenceMalformed:
        return
    assert outcomes(found) == [Outcome.FUTURE]


REAL = Path(__file__).parent / "data"
ICARUS = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETtK8v7MICve56qTHHDhhBOuV4IlUaESxZryCfk9QbG9co/CqPvTsgPDb"
    "Cpp6oFtyAHwlDhnvr7JijXRD9Cb2FA=="
)
MAMMOTH = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7+R9dC4VFbbpuyOL+yy14ceAmEf7QGlo/EmtYU6DRzwat43f/3swtLr/"
    "L8ugFOOt1YU/RFmMjGCL17ixv66MZw=="
)


def test_timestamps_of_real_logs_in_a_real_certificate_are_valid():
    entries = [
        {
            "description": name,
            "key": key,
            "log_id": base64.b64encode(sha256(base64.b64decode(key)).digest()).decode(),
            "state": {"usable": {"timestamp": "2017-01-01T00:00:00Z"}},
        }
        for name, key in (("Google Icarus", ICARUS), ("Comodo Mammoth", MAMMOTH))
    ]
    document = {
        "log_list_timestamp": "2018-10-01T00:00:00Z",
        "operators": [{"name": "various", "logs": entries}],
    }
    leaf, issuer = (
        x509.load_pem_x509_certificate((REAL / name).read_bytes())
        for name in ("cryptography-scts.pem", "letsencryptx3.pem")
    )
    found = check(leaf, issuer, read_logs(json.dumps(document).encode()), at=1_540_000_000)
    assert [(sct.name, sct.outcome) for sct in found] == [
        ("Google Icarus", Outcome.VALID),
        ("Comodo Mammoth", Outcome.VALID),
    ]
