"""`sp1tee verify cert`, against real TLS servers."""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from support.commands import Run
from support.ingress_files import evidence
from support.scts import NOW, Authority, CtLog, Issued, log_list
from support.tls_servers import TlsServer, files, tls_server

DATA = Path(__file__).parents[2] / "data" / "attestation"
HOST = "tee.example.com"
LOGS = (CtLog("One"), CtLog("Two"))
REPORT_DATA = slice(568, 632)


@cache
def ca() -> Authority:
    return Authority()


@cache
def good() -> Issued:
    return ca().issue(HOST, logs=LOGS)


def quote_over(listing: bytes) -> bytes:
    """Put report data into a real quote, as dstack's simulator does: only its signature breaks."""
    raw = bytearray.fromhex((DATA / "dstack-simulator-v0.5.0" / "quote.hex").read_text())
    raw[REPORT_DATA] = hashlib.sha256(listing).digest() + bytes(32)
    return json.dumps({"quote": raw.hex(), "event_log": "[]"}).encode()


def directory(issued: Issued | None = None) -> dict[str, bytes]:
    made = evidence({f"cert-{HOST}.pem": (issued or good()).pem})
    return {**made, "quote.json": quote_over(made["sha256sum.txt"])}


@pytest.fixture
def anchors(tmp_path: Path) -> list[object]:
    (tmp_path / "ca.pem").write_bytes(ca().root_pem)
    (tmp_path / "logs.json").write_bytes(log_list(*LOGS))
    return ["--ca-file", tmp_path / "ca.pem", "--ct-logs", tmp_path / "logs.json", "--at", NOW]


@pytest.fixture
def served() -> dict[str, bytes]:
    return directory()


@pytest.fixture
def server(served: dict[str, bytes]) -> Iterator[TlsServer]:
    with tls_server(good(), files(served)) as running:
        yield running


def checks(report: str) -> dict[str, str]:
    return {check["id"]: check["status"] for check in json.loads(report)["checks"]}


def test_an_honest_host_passes_and_the_unverified_quote_is_said(
    sp1tee: Run, server: TlsServer, anchors: list[object]
):
    ran = sp1tee(
        "verify", "cert", HOST, "--connect", f"127.0.0.1:{server.port}", *anchors,
        "--format", "json",
    )  # fmt: skip
    report = json.loads(ran.out)
    assert (ran.code, report["verdict"]) == (0, "pass")
    found = checks(ran.out)
    assert found["cert.leaf"] == found["cert.connection"] == found["ingress.report-data"] == "pass"
    assert found["ingress.quote"] == "skipped"
    quote = next(check for check in report["checks"] if check["id"] == "ingress.quote")
    assert f"verify all {HOST}" in quote["remedy"]
    assert report["facts"]["cert.leaf.sha256"]["basis"] == "claimed"
    assert {"sha256sum.txt", "quote.json", "TLS 127.0.0.1"} <= {
        entry["name"] for entry in report["inputs"]
    }


def test_of_a_ca_of_ones_own_no_ct_logs_are_demanded_unless_they_are_named(
    sp1tee: Run, anchors: list[object]
):
    unlogged = ca().issue(HOST)
    with tls_server(unlogged, files(directory(unlogged))) as server:
        command = ["verify", "cert", HOST, "--connect", f"127.0.0.1:{server.port}"]
        own, logs, at = anchors[:2], anchors[2:4], anchors[4:]
        plain = sp1tee(*command, *own, *at, "--format", "json")
        strict = sp1tee(*command, *own, *logs, *at, "--format", "json")
    assert (plain.code, checks(plain.out)["cert.logged"]) == (0, "skipped")
    assert (strict.code, checks(strict.out)["cert.logged"]) == (4, "refused")


def test_attack_06_one_of_two_addresses_with_another_certificate_fails(
    sp1tee: Run, server: TlsServer, anchors: list[object], served: dict[str, bytes]
):
    other = ca().issue(HOST, logs=LOGS)
    with tls_server(other, files(served), address="127.0.0.2", port=server.port):
        ran = sp1tee(
            "verify", "cert", HOST, "--connect", f"127.0.0.1:{server.port}",
            "--connect", f"127.0.0.2:{server.port}", *anchors, "--format", "json",
        )  # fmt: skip
    assert ran.code == 1
    leaves = [c for c in json.loads(ran.out)["checks"] if c["id"] == "cert.leaf"]
    assert [c["status"] for c in leaves] == ["pass", "fail"]
    assert leaves[1]["actual"] == other.leaf_sha256


def test_attack_02_a_quote_over_other_files_fails(
    sp1tee: Run, server: TlsServer, anchors: list[object], served: dict[str, bytes]
):
    served["quote.json"] = quote_over(b"other")
    ran = sp1tee(
        "verify", "cert", HOST, "--connect", f"127.0.0.1:{server.port}", *anchors,
        "--format", "json",
    )  # fmt: skip
    assert ran.code == 1
    assert checks(ran.out)["ingress.report-data"] == "fail"


@pytest.mark.parametrize(
    "body",
    [b"", b'{"error": "no device"}', b"[]", b'{"quote": 7}', b'{"quote": "zz"}', b"{" * 3000],
)
def test_attack_09_a_quote_that_is_none_leaves_it_open(
    sp1tee: Run, server: TlsServer, anchors: list[object], served: dict[str, bytes], body: bytes
):
    served["quote.json"] = body
    ran = sp1tee(
        "verify", "cert", HOST, "--connect", f"127.0.0.1:{server.port}", *anchors,
        "--format", "json",
    )  # fmt: skip
    assert ran.code == 3
    assert checks(ran.out)["ingress.report-data"] == "unevaluable"


def test_evidence_can_come_from_a_folder(
    sp1tee: Run, server: TlsServer, anchors: list[object], tmp_path: Path
):
    folder = tmp_path / "evidences"
    folder.mkdir()
    for name, body in directory().items():
        (folder / name).write_bytes(body)
    ran = sp1tee(
        "verify", "cert", f"{HOST}:{server.port}", "--connect", "127.0.0.1", *anchors,
        "--evidence", folder, "--format", "json",
    )  # fmt: skip
    assert ran.code == 0
    assert checks(ran.out)["cert.connection"] == "skipped"
    assert server.asked == []


def test_evidence_can_come_from_a_url(sp1tee: Run, anchors: list[object], served: dict[str, bytes]):
    with tls_server(good(), files(served, base="/other/")) as server:
        ran = sp1tee(
            "verify", "cert", HOST, "--connect", f"127.0.0.1:{server.port}", *anchors,
            "--evidence", f"https://{HOST}/other", "--format", "json",
        )  # fmt: skip
    assert ran.code == 0
    assert checks(ran.out)["cert.connection"] == "pass"


def test_offline_nothing_is_fetched_and_nothing_is_passed_over(
    sp1tee: Run, anchors: list[object], tmp_path: Path
):
    for name, body in directory().items():
        (tmp_path / name).write_bytes(body)
    ran = sp1tee(
        "verify", "cert", HOST, "--offline", "--evidence", tmp_path, *anchors, "--format", "json"
    )
    assert ran.code == 3
    assert checks(ran.out)["cert.leaf"] == "unevaluable"
    assert checks(ran.out)["cert.path"] == "pass"


def test_a_policy_is_enforced(
    sp1tee: Run, server: TlsServer, anchors: list[object], tmp_path: Path
):
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'schema = "sp1tee.policy.v1"\n'
        "[cert]\nnot_before = 2026-09-01\nmin_scts = 3\n"
        '[anchors]\ntls_roots = "ca.pem"\nct_logs = "logs.json"\n'
    )
    ran = sp1tee(
        "verify", "cert", HOST, "--connect", f"127.0.0.1:{server.port}", "--policy", policy,
        "--at", NOW, "--format", "json",
    )  # fmt: skip
    assert ran.code == 4
    found = checks(ran.out)
    assert found["cert.not-before"] == found["cert.logged"] == "refused"
    assert found["cert.path"] == "pass"


@pytest.mark.parametrize(("named", "status"), [(HOST, "pass"), ("other.example.com", "fail")])
def test_a_host_that_the_policy_does_not_name_fails(
    sp1tee: Run, tmp_path: Path, named: str, status: str
):
    policy = tmp_path / "policy.toml"
    policy.write_text(f'schema = "sp1tee.policy.v1"\n[cert]\nhosts = ["{named}"]\n')
    ran = sp1tee("verify", "cert", HOST, "--policy", policy, "--offline", "--format", "json")
    assert ran.code == (3 if status == "pass" else 1)
    assert checks(ran.out)["evidence.host"] == status


def test_a_host_that_does_not_answer_is_no_pass(sp1tee: Run, anchors: list[object]):
    ran = sp1tee("verify", "cert", HOST, "--connect", "127.0.0.1:1", *anchors)
    assert ran.code == 3
    assert "127.0.0.1" in ran.out


def test_a_name_without_an_address_is_no_pass(
    sp1tee: Run, anchors: list[object], monkeypatch: pytest.MonkeyPatch
):
    def none(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", none)
    ran = sp1tee("verify", "cert", HOST, *anchors, "--format", "json")
    assert ran.code == 3
    assert "no address" in ran.out


@pytest.mark.parametrize(
    "typed",
    [
        [HOST, "--connect", "localhost:1"],
        [HOST, "--connect", "127.0.0.1:1", "--connect", "127.0.0.1:2"],
        [HOST, "--evidence", "nowhere"],
        [HOST, "--evidence", "http://tee.example.com/", "--connect", "127.0.0.1:1"],
        [HOST, "--ca-file", "nowhere.pem"],
        [HOST, "--ca-file", "rubbish"],
        [HOST, "--ct-logs", "rubbish"],
        [HOST, "--resolver", "not a resolver"],
        ["127.0.0.1"],
        ["*.example.com"],
        [f"{HOST}:99999"],
    ],
)
def test_what_was_mistyped_is_a_usage_error(sp1tee: Run, tmp_path: Path, typed: list[str]):
    (tmp_path / "rubbish").write_text("rubbish")
    ran = sp1tee("verify", "cert", *typed, "--offline" if "--evidence" not in typed else "--quiet")
    assert ran.code == 2
    assert ran.out == ""
