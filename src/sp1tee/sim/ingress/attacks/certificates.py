"""Attacks with certificates and TLS."""

from dataclasses import replace
from typing import Final

from sp1tee.sim.ingress.attacks.attack import Attack
from sp1tee.sim.ingress.building import issue, leaf
from sp1tee.sim.ingress.host import PARENT, Host
from sp1tee.sim.ingress.replies import Reply
from sp1tee.sim.ingress.webpki import WebPki, full_chain
from sp1tee.sim.pki.certificates import Certified

_STAGING: Final = "https://acme-staging-v02.api.letsencrypt.org/acme/acct/1234567890"
_OTHER: Final = f"other.{PARENT}"


def _evidence_of_another_name(host: Host) -> Host:
    """Serve a certificate of its own beside the evidence of another enclave's name."""
    ours, theirs = host.certificate_file, f"cert-{_OTHER}.pem"
    other = WebPki(host.seed).issue(replace(leaf(host, key="other"), names=(_OTHER,)))

    def rename(files: dict[str, Reply]) -> dict[str, Reply]:
        return {theirs if name == ours else name: reply for name, reply in files.items()}

    return host.twisted(
        certificate=lambda _: full_chain(other),
        listing=lambda text: text.replace(ours.encode(), theirs.encode()),
        evidence=rename,
    )


def _certificate_of_another_name(host: Host) -> Host:
    """Attest and serve a certificate whose names do not cover the host."""
    return _presenting(host, WebPki(host.seed).issue(replace(leaf(host), names=(_OTHER,))))


def _self_signed(host: Host) -> Host:
    return _presenting(host, WebPki(host.seed).self_signed(leaf(host)))


def _unlisted_logs(host: Host) -> Host:
    logs = ("Unlisted Log One", "Unlisted Log Two")
    return _presenting(host, WebPki(host.seed).issue(replace(leaf(host), logs=logs)))


def _presenting(host: Host, certified: Certified) -> Host:
    """Attest and serve another certificate."""
    return host.twisted(
        certificate=lambda _: full_chain(certified),
        chains=lambda chains: dict.fromkeys(chains, certified),
    )


def _relayed(host: Host) -> Host:
    """End TLS elsewhere, with a key of one's own and a certificate as good as the enclave's."""
    return host.twisted(chains=lambda chains: dict.fromkeys(chains, issue(host, key="relay")))


def _one_address_relayed(host: Host) -> Host:
    last = host.addresses[-1]
    return host.twisted(chains=lambda chains: {**chains, last: issue(host, key="relay")})


ATTACKS: Final = (
    Attack(
        "evidence-of-another-name",
        ("4",),
        "serves the evidence of another name",
        ("ingress.certificate",),
        _evidence_of_another_name,
    ),
    Attack(
        "certificate-of-another-name",
        ("4",),
        "attests and serves a certificate that does not cover its name",
        ("cert.name",),
        _certificate_of_another_name,
    ),
    Attack(
        "relay",
        ("5", "19"),
        "relays an enclave's evidence and ends TLS itself, with a good certificate",
        ("cert.leaf", "cert.connection"),
        _relayed,
    ),
    Attack(
        "relay-at-one-address",
        ("6",),
        "relays at its second address only",
        ("cert.leaf",),
        _one_address_relayed,
    ),
    Attack(
        "placeholder",
        ("8",),
        "attests and serves a certificate that it signed itself",
        ("cert.issuer",),
        _self_signed,
    ),
    Attack(
        "staging-issuer",
        ("8",),
        "attests and serves a certificate of a test CA",
        ("cert.issuer",),
        lambda host: replace(host, staging=True),
    ),
    Attack(
        "staging-account",
        ("8",),
        "has an ACME account of a staging directory",
        ("ingress.directory",),
        lambda host: replace(host, account=_STAGING),
    ),
    Attack(
        "expired",
        ("17",),
        "serves old evidence and an expired certificate",
        ("cert.validity",),
        lambda host: replace(host, age=100),
    ),
    Attack(
        "old-evidence",
        ("17",),
        "serves old evidence for a certificate that is still valid",
        ("cert.age",),
        lambda host: replace(host, age=100, lifetime=365),
    ),
    Attack(
        "older-than-application",
        ("40",),
        "has a certificate from before the measured application was deployed",
        ("cert.not-before",),
        lambda host: replace(host, age=30),
    ),
    Attack(
        "unlogged",
        ("52",),
        "serves a certificate that no CT log has seen",
        ("cert.logged",),
        lambda host: replace(host, logs=0),
    ),
    Attack(
        "unlisted-logs",
        ("52",),
        "serves a certificate that only unknown logs have seen",
        ("cert.logged",),
        _unlisted_logs,
    ),
)
