"""What the guest has: its app-compose, its measurements, its report, and what its agent tells."""

import hashlib
import json
from dataclasses import dataclass, replace

from sp1tee.sim.ingress.events import Event, replay
from sp1tee.sim.ingress.host import Host
from sp1tee.sim.pki import TdReport


@dataclass(frozen=True, slots=True)
class Booted:
    """A guest after boot.

    Attributes:
        app_compose: the text whose hash was measured.
        log: every event, those of the boot first.
        report: what the TD reports; its report data is zero yet.
    """

    app_compose: str
    log: tuple[Event, ...]
    report: TdReport

    @property
    def compose_hash(self) -> bytes:
        """The hash that was measured."""
        return hashlib.sha256(self.app_compose.encode()).digest()


def start(host: Host) -> Booted:
    """Boot the guest and its application."""
    wanted = {**host.settings, "docker_compose_file": host.docker_compose}
    app_compose = host.twists.app_compose(json.dumps(wanted, indent=4))
    compose_hash = hashlib.sha256(app_compose.encode()).digest()
    guest = host.booted
    measured = host.twists.events(guest.events(compose_hash))
    log = (*guest.os.events(guest.hardware), *measured)
    report = TdReport(
        mr_td=guest.os.mr_td,
        mr_config_id=b"\1" + compose_hash + bytes(15),
        rtmr0=replay(log, 0),
        rtmr1=replay(log, 1),
        rtmr2=replay(log, 2),
        rtmr3=replay(log, 3),
    )
    return Booted(app_compose, log, report)


def quote(host: Host, booted: Booted, report_data: bytes) -> bytes:
    """Have the guest quoted over some report data."""
    report = host.twists.report(replace(booted.report, report_data=report_data))
    return host.twists.quote(host.intel.quote(report, host.making))


def quote_json(host: Host, booted: Booted, report_data: bytes) -> bytes:
    """Write the guest agent's answer to GetQuote, as dstack 0.5.5 and before do."""
    log = host.twists.log([event.to_json() for event in booted.log])
    answer = {
        "quote": quote(host, booted, report_data).hex(),
        "event_log": json.dumps(log),
        "report_data": report_data.hex(),
        "vm_config": json.dumps({"os_image_hash": host.booted.os.hash.hex()}),
    }
    return json.dumps(host.twists.quote_json(answer)).encode()


def info(host: Host, booted: Booted) -> bytes:
    """Write the guest agent's Info, whose `tcb_info` is a string of JSON."""
    guest, report = host.booted, booted.report
    device = hashlib.sha256(host.making.user_data).hexdigest()
    shared = {
        "mr_aggregated": _aggregated(report).hex(),
        "os_image_hash": guest.os.hash.hex(),
        "compose_hash": booted.compose_hash.hex(),
        "device_id": device,
    }
    tcb = {
        "mrtd": report.mr_td.hex(),
        "rtmr0": report.rtmr0.hex(),
        "rtmr1": report.rtmr1.hex(),
        "rtmr2": report.rtmr2.hex(),
        "rtmr3": report.rtmr3.hex(),
        **shared,
        "event_log": [event.to_json() for event in booted.log],
        "app_compose": booted.app_compose,
    }
    told = host.twists.info(
        {
            "app_id": guest.app_id.hex(),
            "instance_id": guest.instance_id.hex(),
            "app_cert": "",
            "tcb_info": tcb,
            "app_name": host.settings["name"],
            **shared,
            "key_provider_info": guest.key_provider,
            "vm_config": json.dumps({"os_image_hash": guest.os.hash.hex()}),
        }
    )
    return json.dumps({**told, "tcb_info": json.dumps(told["tcb_info"])}).encode()


def _aggregated(report: TdReport) -> bytes:
    measured = (report.mr_td, report.rtmr0, report.rtmr1, report.rtmr2, report.rtmr3)
    chosen = (report.mr_config_id, report.mr_owner, report.mr_owner_config)
    return hashlib.sha256(b"".join((*measured, *chosen))).digest()
