"""Attacks with names: who may issue certificates, and where connections go."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sp1tee.sim.ingress.attacks.attack import Attack
from sp1tee.sim.ingress.building import lock
from sp1tee.sim.ingress.host import PARENT, Host
from sp1tee.sim.ingress.zone import Zone

_ANYBODY: Final = '0 issue "letsencrypt.org"'
_GATEWAY: Final = "gateway.example.test"


def _zones(change: Callable[[Host, Zone], Zone]) -> Callable[[Host], Host]:
    """Have every resolver answer otherwise."""
    return lambda host: host.twisted(
        zones=lambda zones: tuple(change(host, zone) for zone in zones)
    )


def _last_zone(change: Callable[[Host, Zone], Zone]) -> Callable[[Host], Host]:
    """Have one resolver answer otherwise."""
    return lambda host: host.twisted(zones=lambda zones: (*zones[:-1], change(host, zones[-1])))


def _here(write: Callable[[Host], tuple[str, ...]]) -> Callable[[Host], Host]:
    """Have another CAA set at the name."""
    return _zones(lambda host, zone: zone.having(host.name, "CAA", *write(host)))


def _with(*more: str) -> Callable[[Host], Host]:
    """Have further CAA records at the name."""
    return _here(lambda host: (lock(host.account), *more))


def _account(change: Callable[[str], str]) -> Callable[[Host], Host]:
    """Lock the name to another account."""
    return _here(lambda host: (lock(change(host.account)),))


def _nobody(_: Host, zone: Zone) -> Zone:
    return Zone({key: found for key, found in zone.records.items() if key[1] != "CAA"})


def _alias(host: Host, zone: Zone) -> Zone:
    """Make the name an alias of another one, whose owner decides who may issue."""
    moved = zone.having(host.name, "CAA").having(host.name, "A")
    aliased = moved.having(host.name, "CNAME", f"{_GATEWAY}.")
    there = aliased.having(_GATEWAY, "CAA", lock(host.account[:-1] + "9"))
    return there.having(_GATEWAY, "A", *host.addresses)


def _failing(host: Host, zone: Zone) -> Zone:
    return replace(zone, broken=frozenset({(host.name, "CAA")}))


def _routed(host: Host, zone: Zone) -> Zone:
    return zone.having(f"_dstack-app-address.{host.name}", "TXT", f'"{"0e" * 20}:443"')


ATTACKS: Final = tuple(
    Attack(name, (number,), what, rules, act)
    for name, number, what, rules, act in (
        (
            "caa-none",
            "45",
            "has no CAA set anywhere",
            ("caa.present",),
            _zones(_nobody),
        ),
        (
            "caa-iodef-only",
            "45",
            "has a CAA set that restricts nobody",
            ("caa.present",),
            _here(lambda _: ('0 iodef "mailto:a@example.test"',)),
        ),
        (
            "caa-any-account",
            "45",
            "lets every account of the CA ask for certificates",
            ("caa.account-present",),
            _here(lambda _: ('0 issue "letsencrypt.org;validationmethods=dns-01"',)),
        ),
        (
            "caa-longer-account",
            "45",
            "lets an account ask whose URI begins with the pinned one",
            ("caa.account",),
            _account(lambda uri: uri + "5"),
        ),
        (
            "caa-shorter-account",
            "45",
            "lets an account ask whose URI the pinned one begins with",
            ("caa.account",),
            _account(lambda uri: uri[:-1]),
        ),
        (
            "caa-slash",
            "45",
            "names the account with a slash at its end",
            ("caa.account",),
            _account(lambda uri: uri + "/"),
        ),
        (
            "caa-http",
            "45",
            "names the account without TLS",
            ("caa.account",),
            _account(lambda uri: uri.replace("https", "http")),
        ),
        (
            "caa-staging",
            "45",
            "names an account of the staging directory",
            ("caa.account",),
            _account(lambda uri: uri.replace("acme-v02", "acme-staging-v02")),
        ),
        (
            "caa-second-issuer",
            "46",
            "lets another CA issue as well",
            ("caa.issuer",),
            _with('0 issue "ca.example.test"'),
        ),
        (
            "caa-second-account",
            "46",
            "lets every account ask as well",
            ("caa.account-present",),
            _with(_ANYBODY),
        ),
        (
            "caa-wildcard-here",
            "47",
            "lets anybody get wildcards below the name",
            ("caa.wildcard-here",),
            _with('0 issuewild "letsencrypt.org"'),
        ),
        (
            "caa-wildcard-above",
            "47",
            "lets anybody get a wildcard that matches the name",
            ("caa.parent-wildcard",),
            _zones(lambda _, zone: zone.having(PARENT, "CAA", _ANYBODY)),
        ),
        (
            "caa-critical",
            "48",
            "has a critical property that nobody knows",
            ("caa.critical",),
            _with('128 tbs "unknown"'),
        ),
        (
            "caa-alias",
            "49",
            "makes the name an alias whose owner decides who may issue",
            ("caa.alias",),
            _zones(_alias),
        ),
        (
            "resolvers-disagree",
            "50",
            "has one resolver see no lock",
            ("caa.agreement",),
            _last_zone(lambda host, zone: zone.having(host.name, "CAA", _ANYBODY)),
        ),
        (
            "resolver-fails",
            "50",
            "has one resolver fail",
            ("caa.answered",),
            _last_zone(_failing),
        ),
        (
            "not-validated",
            "50",
            "has a zone that is not signed",
            ("caa.dnssec",),
            _zones(lambda _, zone: replace(zone, validated=False)),
        ),
        (
            "caa-any-method",
            "51",
            "lets certificates be validated in any way",
            ("caa.methods-present",),
            _here(lambda h: (f'0 issue "letsencrypt.org;accounturi={h.account}"',)),
        ),
        (
            "caa-http-01",
            "51",
            "lets certificates be validated by whoever holds the address",
            ("caa.methods",),
            _here(lambda host: (lock(host.account, methods="dns-01,http-01"),)),
        ),
        (
            "routed-elsewhere",
            "53",
            "routes the name to another application",
            ("caa.routing",),
            _zones(_routed),
        ),
    )
)
