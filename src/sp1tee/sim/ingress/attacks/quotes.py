"""Attacks with the quote."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sp1tee.sim.ingress.attacks.attack import Attack
from sp1tee.sim.ingress.building import ACCOUNT, LISTING, build
from sp1tee.sim.ingress.host import Host
from sp1tee.sim.pki import (
    DEBUG,
    MIGRATABLE,
    SEPT_VE_DISABLE,
    SGX,
    TDX_1_5,
    EnclaveReport,
    Making,
    TdReport,
    attributes,
)

_REPORT_DATA: Final = slice(568, 632)
_NOTHING: Final = hashlib.sha256(b"somebody else's evidence").digest().ljust(64, b"\0")


def _report(**fields: Any) -> Callable[[Host], Host]:
    """Have the TD report something else; a genuine machine signs it."""
    return lambda host: host.twisted(report=lambda report: replace(report, **fields))


def _made(**how: Any) -> Callable[[Host], Host]:
    """Make the quote otherwise."""
    return lambda host: replace(host, making=Making(**how))


def _moved(field: str) -> Callable[[Host], Host]:
    """Put the evidence's hash into a field that the host chooses, and not into report data."""

    def act(report: TdReport) -> TdReport:
        moved = report.report_data[:48]
        return replace(report, **{field: moved, "report_data": _NOTHING})

    return lambda host: host.twisted(report=act)


def _padded(report: TdReport) -> TdReport:
    return replace(report, report_data=report.report_data[:32] + b"\1" * 32)


def _of_the_account(host: Host) -> Host:
    account = hashlib.sha256(build(host).evidence[ACCOUNT].body).digest()
    return _report(report_data=account.ljust(64, b"\0"))(host)


def _behind(host: Host) -> Host:
    return host.twisted(
        report=lambda report: replace(report, report_data=_NOTHING),
        quote=lambda quote: quote + _wanted(host),
    )


def _simulated(host: Host) -> Host:
    """Write the wanted report data over a genuine quote, as dstack's simulator does."""

    def act(quote: bytes) -> bytes:
        return quote[: _REPORT_DATA.start] + _wanted(host) + quote[_REPORT_DATA.stop :]

    return host.twisted(report=lambda report: replace(report, report_data=_NOTHING), quote=act)


def _wanted(host: Host) -> bytes:
    listing = build(host).evidence[LISTING].body
    return hashlib.sha256(listing).digest().ljust(64, b"\0")


def _sgx(host: Host) -> Host:
    making = Making(version=SGX, qe=EnclaveReport(product=1))
    return replace(host, making=making).twisted(report=lambda _: EnclaveReport())


def _service_td(host: Host) -> Host:
    return _made(version=TDX_1_5)(_report(mr_service_td=b"\1" * 48)(host))


ATTACKS: Final = (
    Attack(
        "hash-in-config-id",
        ("1",),
        "has the evidence's hash in mr_config_id instead of report data",
        ("quote.report-data",),
        _moved("mr_config_id"),
    ),
    Attack(
        "hash-in-owner",
        ("1",),
        "has the evidence's hash in mr_owner instead of report data",
        ("quote.report-data",),
        _moved("mr_owner"),
    ),
    Attack(
        "hash-in-owner-config",
        ("1",),
        "has the evidence's hash in mr_owner_config instead of report data",
        ("quote.report-data",),
        _moved("mr_owner_config"),
    ),
    Attack(
        "hash-in-tail",
        ("1",),
        "has the evidence's hash behind the quote instead of in it",
        ("quote.tail",),
        _behind,
    ),
    Attack(
        "padded-report-data",
        ("2",),
        "has something in the second half of report data",
        ("quote.report-data",),
        lambda host: host.twisted(report=_padded),
    ),
    Attack(
        "other-file-quoted",
        ("2",),
        "quotes the hash of another file",
        ("quote.report-data",),
        _of_the_account,
    ),
    Attack(
        "simulator",
        ("11b",),
        "writes the wanted report data over a genuine quote",
        ("quote.signature",),
        _simulated,
    ),
    Attack(
        "debug-td",
        ("12",),
        "runs a TD that the host can look into",
        ("quote.debug",),
        _report(td_attributes=attributes(SEPT_VE_DISABLE, DEBUG)),
    ),
    Attack(
        "sept-ve-enabled",
        ("12",),
        "runs a TD whose memory accesses the host can interrupt",
        ("quote.sept-ve",),
        _report(td_attributes=attributes()),
    ),
    Attack(
        "migratable-td",
        ("12",),
        "runs a TD that can be moved to another machine",
        ("quote.migratable",),
        _report(td_attributes=attributes(SEPT_VE_DISABLE, MIGRATABLE)),
    ),
    Attack(
        "service-td",
        ("12",),
        "runs a TD that a service TD is bound to",
        ("quote.service-td",),
        _service_td,
    ),
    Attack(
        "own-seam-module",
        ("12",),
        "runs a TDX module that Intel did not sign",
        ("quote.seam",),
        _report(mr_signer_seam=b"\1" * 48),
    ),
    Attack("sgx-quote", ("14",), "quotes an SGX enclave", ("quote.type",), _sgx),
    Attack(
        "odd-body",
        ("14",),
        "sends a quote of version 5 with an unknown kind of body",
        ("quote.format",),
        _made(version=TDX_1_5, body_type=9),
    ),
    Attack(
        "broken-nesting",
        ("14",),
        "sends a quote whose certification data does not fit",
        ("quote.format",),
        _made(inner_size=1 << 20),
    ),
    Attack(
        "odd-nesting",
        ("14",),
        "sends a quote whose certification data is of another type",
        ("quote.format",),
        _made(outer_type=5),
    ),
)
