"""From a description to every byte that a host serves."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sp1tee.sim.ingress import guest, images
from sp1tee.sim.ingress.host import PARENT, Host
from sp1tee.sim.ingress.pccs import pages
from sp1tee.sim.ingress.replies import Reply
from sp1tee.sim.ingress.webpki import LOGS, Leaf, WebPki, full_chain
from sp1tee.sim.ingress.zone import Zone
from sp1tee.sim.pki import DAY, Collateral, Offer
from sp1tee.sim.pki.certificates import Certified

INFO: Final = "/prpc/Info"
EVIDENCE: Final = "/evidences/"
LISTING: Final = "sha256sum.txt"
ACCOUNT: Final = "acme-account.json"
QUOTE: Final = "quote.json"


@dataclass(frozen=True, slots=True)
class Served:
    """Every byte that a host serves.

    Attributes:
        host: what was built.
        chains: what each address presents in TLS.
        evidence: the evidence files by name.
        info: the guest agent's Info.
        collateral: what the PCCS has.
        zones: what each resolver answers, in the order of the addresses.
        registry: what the registry answers.
    """

    host: Host
    chains: Mapping[str, Certified]
    evidence: Mapping[str, Reply] = field(repr=False)
    info: bytes = field(repr=False)
    collateral: Collateral = field(repr=False)
    zones: tuple[Zone, ...] = field(repr=False)
    registry: Mapping[str, Reply] = field(repr=False)

    @property
    def site(self) -> dict[str, Reply]:
        """What the ingress answers over TLS."""
        listed = "".join(f'<a href="{name}">{name}</a>\n' for name in self.evidence)
        return {
            "/": Reply(b"This host is synthetic and proves nothing.\n", "text/plain"),
            EVIDENCE: Reply(listed.encode(), "text/html"),
            **{EVIDENCE + name: reply for name, reply in self.evidence.items()},
        }

    @property
    def agent(self) -> dict[str, Reply]:
        """What the guest agent answers."""
        return {INFO: Reply(self.info, "application/json")}

    @property
    def pccs(self) -> dict[str, Reply]:
        """What the PCCS answers."""
        return pages(self.collateral)


def build(host: Host) -> Served:
    """Make everything that a host serves; the same description gives the same bytes."""
    booted = guest.start(host)
    leaf = issue(host)
    offer = host.twists.offer(Offer(at=host.at))
    return Served(
        host=host,
        chains=host.twists.chains(dict.fromkeys(host.addresses, leaf)),
        evidence=_evidence(host, booted, leaf),
        info=guest.info(host, booted),
        collateral=host.twists.collateral(host.intel.parts(offer)),
        zones=host.twists.zones((_zone(host),) * len(host.addresses)),
        registry=host.twists.registry(images.site(host.images)),
    )


def issue(host: Host, *, key: str = "leaf") -> Certified:
    """Issue a certificate for the host, as its CA would: to one of several keys."""
    return WebPki(host.seed).issue(leaf(host, key=key))


def leaf(host: Host, *, key: str = "leaf") -> Leaf:
    """Describe the host's certificate."""
    return Leaf(
        names=(host.name,),
        issued=host.issued,
        until=host.issued + host.lifetime * DAY,
        key=key,
        logs=LOGS[: host.logs],
        staging=host.staging,
    )


def _evidence(host: Host, booted: guest.Booted, certified: Certified) -> dict[str, Reply]:
    account = host.twists.account({"body": {}, "uri": host.account})
    files = {
        ACCOUNT: json.dumps(account).encode(),
        host.certificate_file: host.twists.certificate(full_chain(certified)),
    }
    listing = host.twists.listing(list_files(files))
    report_data = hashlib.sha256(listing).digest().ljust(64, b"\0")
    files[LISTING] = listing
    files[QUOTE] = guest.quote_json(host, booted, report_data)
    return host.twists.evidence({name: Reply(body) for name, body in files.items()})


def list_files(files: Mapping[str, bytes]) -> bytes:
    """Write sha256sum.txt as GNU sha256sum does."""
    return "".join(
        f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in files.items()
    ).encode()


def lock(account: str, *, tag: str = "issue", methods: str = "dns-01") -> str:
    """Write the CAA record that binds issuance to an account (RFC 8657)."""
    return f'0 {tag} "letsencrypt.org;validationmethods={methods};accounturi={account}"'


def _zone(host: Host) -> Zone:
    locked = (lock(host.account), lock(host.account, tag="issuewild"))
    return Zone(
        {
            (host.name, "A"): host.addresses,
            (host.name, "CAA"): locked,
            (PARENT, "CAA"): locked,
            (f"_dstack-app-address.{host.name}", "TXT"): (f'"{host.booted.app_id.hex()}:443"',),
        }
    )
