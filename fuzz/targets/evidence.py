"""What a host shows of itself: quotes, collateral, event logs, whole bundles."""

import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path

from fuzz import seeds
from fuzz.target import Target, chosen, each_way, text_of
from sp1tee.errors import VerifyError
from sp1tee.sim.pki import Intel, Offer
from sp1tee.verify.appraisal import Appraisal, Trust
from sp1tee.verify.conclusion import report_on
from sp1tee.verify.evidence import load_bundle, save_bundle
from sp1tee.verify.evidence.bundle import open_bundle, read_manifest
from sp1tee.verify.fetch.collateral import _signed
from sp1tee.verify.formats import Format, render
from sp1tee.verify.guest_info import parse_info
from sp1tee.verify.osimage import table
from sp1tee.verify.policy.model import QuotePolicy, Rtmr3Policy
from sp1tee.verify.policy.reading import parse_policy
from sp1tee.verify.quote import examine as examine_quote
from sp1tee.verify.quote import judge as judge_quote
from sp1tee.verify.quote import read_collateral, read_quote, read_root
from sp1tee.verify.reading import read_json
from sp1tee.verify.reading.hexes import from_hex
from sp1tee.verify.rtmr3 import event_log_of, judge_app_compose, read_events, read_provider
from sp1tee.verify.rtmr3 import examine as examine_events
from sp1tee.verify.rtmr3 import judge as judge_events

_READ = (VerifyError,)
_LARGE = 1 << 15
_RTMR3 = bytes(48)


@cache
def _intel() -> Intel:
    return Intel()


@cache
def _collateral() -> bytes:
    return _intel().collateral(Offer(at=seeds.AT))


def _quotes() -> list[bytes]:
    return [
        *seeds.evidence("ingress/1"),
        *seeds.files("attestation/*/*quote*", "attestation/*/*.dat", "attestation/*/*.bin"),
    ]


def _raw_quotes() -> list[bytes]:
    found = []
    for data in _quotes():
        try:
            found.append(read_quote(data).raw)
        except VerifyError:
            continue
    return found


def _examined(data: bytes) -> None:
    """Verify a quote; nothing may be raised."""
    facts = examine_quote(data, _collateral(), at=seeds.AT, root=_intel().root_der)
    judge_quote(facts, QuotePolicy(), report_data=bytes(64), required=True)


def _collected(data: bytes) -> None:
    read_collateral(data)


def _collaterals() -> list[bytes]:
    return [_collateral(), *seeds.files("attestation/**/*collateral*.json", most=_LARGE)]


def _served(data: bytes) -> None:
    text, _ = _signed(data, "tcbInfo")
    assert text.encode() in data
    json.loads(text)


def _events(data: bytes) -> None:
    events = read_events(event_log_of(read_json(data, "It", limit=_LARGE)))
    facts = examine_events(events, _RTMR3, boot=[_RTMR3] * 3)
    judge_events(facts, Rtmr3Policy(), genuine=False, required=True)
    judge_app_compose(facts, data)


def _logs() -> list[bytes]:
    log = b'[{"imr": 3, "event_type": 134217729, "event": "app-id", "event_payload": "%s"}]'
    found = seeds.files("attestation/*/eventlog.json", "attestation/*/tcb_info.json", most=_LARGE)
    return [log % (b"5a" * 20), *seeds.evidence("info.json"), *found]


def _infos() -> list[bytes]:
    return [*seeds.evidence("info.json"), *seeds.files("attestation/*/info.json", most=_LARGE)]


def _manifest(data: bytes) -> None:
    read_manifest(data)
    bodies = {path: body for path, body in seeds.genuine().items() if path}
    open_bundle(data, bodies)


def _archive(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="sp1tee-fuzz-") as folder:
        path = Path(folder) / "bundle.tar"
        path.write_bytes(data)
        load_bundle(path)


@cache
def _archives() -> list[bytes]:
    """Return a bundle without files, and the beginning of a whole one, as tar files."""
    bare = json.loads(seeds.genuine()[""])
    bare |= {"endpoints": [], "ingress": [], "dns": [], "images": [], "files": {}}
    bare |= dict.fromkeys(("info", "collateral"))
    with tempfile.TemporaryDirectory(prefix="sp1tee-fuzz-") as folder:
        path = Path(folder) / "bundle.tar"
        save_bundle(open_bundle(json.dumps(bare).encode(), {}), path)
        made = path.read_bytes()
    return [made, made[: 3 * 512]]


def _paths() -> list[str]:
    return sorted(path for path in seeds.genuine() if path)


def _appraised(data: bytes) -> None:
    """Put a body in another one's place; whatever it holds, there is a report."""
    way, body = chosen(data, len(_paths()))
    bodies = {path: made for path, made in seeds.genuine().items() if path}
    bodies[_paths()[way]] = body
    manifest = json.loads(seeds.genuine()[""])
    manifest["files"] = {
        path: {"sha256": hashlib.sha256(made).hexdigest(), "size": len(made)}
        for path, made in bodies.items()
    }
    held = seeds.trusted()
    policy = parse_policy(held["policy.toml"], Path("policy.toml"))
    trust = Trust(
        held["ca.pem"], held["intel-root.der"], held["ct-logs.json"], held["os-images.json"]
    )
    bundle = open_bundle(json.dumps(manifest).encode(), bodies)
    findings = Appraisal(bundle, policy.policy, seeds.AT, trust).findings()
    report = report_on(seeds.HOST, findings, policy=policy, at=seeds.AT)
    for form in Format:
        render(report, form)


def _appraisals() -> list[bytes]:
    return [bytes([way]) + seeds.genuine()[path] for way, path in enumerate(_paths())]


def _json(data: bytes) -> None:
    way, rest = chosen(data, 2)
    if way:
        from_hex(text_of(rest), "It")
    else:
        read_json(rest, "It", limit=1 << 12)


_JSON = (b'{"a": [1, -2.5e3, "\\u00e9\\ud83d\\ude00", null, true]}', b"0xAbCd", b'{"a":1,"a":2}')
_PROVIDER = b'{"name":"local-sgx","id":"' + b"5a" * 32 + b'"}'

TARGETS = (
    Target(
        "verify.json",
        ("verify.reading.strict_json", "verify.reading.hexes"),
        _json,
        _READ,
        lambda: each_way(2, _JSON),
    ),
    Target("verify.quote", ("verify.quote.shapes",), read_quote, _READ, _quotes, size=_LARGE),
    Target(
        "verify.quote_examined",
        ("verify.quote.dcap", "verify.quote.layout", "verify.quote.examining"),
        _examined,
        (),
        _raw_quotes,
        size=1 << 13,
    ),
    Target(
        "verify.root",
        ("verify.quote.root",),
        read_root,
        _READ,
        lambda: [seeds.trusted()["intel-root.der"]],
    ),
    Target(
        "verify.collateral",
        ("verify.quote.collateral", "verify.quote.tcb"),
        _collected,
        _READ,
        _collaterals,
        size=_LARGE,
    ),
    Target(
        "verify.collateral_served",
        ("verify.fetch.collateral",),
        _served,
        _READ,
        lambda: [b'{"tcbInfo":{"a":[1,"b"]},"signature":"00"}'],
    ),
    Target(
        "verify.events",
        ("verify.rtmr3.events", "verify.rtmr3.examining", "verify.rtmr3.app_compose"),
        _events,
        _READ,
        _logs,
        size=_LARGE,
    ),
    Target(
        "verify.provider", ("verify.rtmr3.payloads",), read_provider, _READ, lambda: [_PROVIDER]
    ),
    Target("verify.info", ("verify.guest_info",), parse_info, _READ, _infos, size=_LARGE),
    Target(
        "verify.os_images",
        ("verify.osimage.table",),
        table.load_table,
        _READ,
        lambda: [seeds.trusted()["os-images.json"]],
    ),
    Target(
        "verify.manifest",
        ("verify.evidence.bundle", "verify.evidence.manifest"),
        _manifest,
        _READ,
        lambda: [seeds.genuine()[""]],
        size=_LARGE,
    ),
    Target(
        "verify.archive",
        ("verify.evidence.storage",),
        _archive,
        _READ,
        _archives,
        size=1 << 16,
    ),
    Target(
        "verify.appraisal",
        ("verify.appraisal.parts", "verify.formats.clean"),
        _appraised,
        (),
        _appraisals,
        size=_LARGE,
        seconds=10,
        weight=3,
    ),
)
