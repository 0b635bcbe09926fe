"""A host, described: what it is, and what is done to each part after it was made right.

Everything in it follows from the description; see `build`. An attack is a function from one
description to another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sp1tee.sim.ingress.events import Event, Guest, OsImage
from sp1tee.sim.ingress.images import Image, indexed, single
from sp1tee.sim.ingress.replies import Reply
from sp1tee.sim.ingress.zone import Zone
from sp1tee.sim.pki import (
    DAY,
    Collateral,
    EnclaveReport,
    Intel,
    Key,
    Machine,
    Making,
    Offer,
    TdReport,
)
from sp1tee.sim.pki.certificates import Certified

T = TypeVar("T")
Twist = Callable[[T], T]

NAME: Final = "tee.example.test"
PARENT: Final = "example.test"
ACCOUNT: Final = "https://acme-v02.api.letsencrypt.org/acme/acct/1234567890"
ADDRESSES: Final = ("127.0.0.1", "127.0.0.2")
RELEASE: Final = OsImage("sim-0.5.5")
DEV: Final = OsImage("sim-dev-0.5.5", dev=True, initrd="initrd with sshd")
OLD: Final = OsImage("sim-0.3.0", initrd="old initrd", firmware="old firmware")
"""Images that there are: the accepted one, a developer's, and one that is no longer accepted."""

_COMPOSE: Final = """\
services:
  ingress:
    image: {ingress}
    restart: always
    ports:
      - "443:443"
    environment:
      DOMAIN: {name}
      TARGET_ENDPOINT: http://server:8080
      SET_CAA: "true"
    volumes:
      - cert-data:/etc/letsencrypt
      - /var/run/dstack.sock:/var/run/dstack.sock
  server:
    image: {server}
    restart: always
    environment:
      NETWORK_RPC_URL: https://rpc.example.test
  fulfiller:
    image: {fulfiller}
    restart: always
    environment:
      SERVER_URL: http://server:8081
volumes:
  cert-data:
"""
_SETTINGS: Final[Mapping[str, object]] = {
    "manifest_version": 2,
    "name": "sp1tee-sim",
    "runner": "docker-compose",
    "kms_enabled": True,
    "gateway_enabled": True,
    "public_logs": False,
    "public_sysinfo": False,
    "public_tcbinfo": True,
    "local_key_provider_enabled": False,
    "key_provider_id": "",
    "allowed_envs": [],
    "no_instance_id": False,
    "secure_time": True,
    "storage_fs": "zfs",
}


def as_is(part: T) -> T:
    """Leave a part as it was made."""
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Twists:
    """What is done to each part after it was made right; in the order in which they are made.

    Attributes:
        app_compose: the text that is measured.
        events: the events that are measured into RTMR3.
        certificate: the certificate file in the evidence.
        account: the ACME account file.
        listing: sha256sum.txt, before it is quoted.
        report: the TD's report; an enclave's makes an SGX quote.
        quote: the quote's bytes.
        log: the event log, as JSON.
        quote_json: the object around both.
        evidence: everything under /evidences/, at last.
        info: the guest agent's Info, whose `tcb_info` is an object still.
        offer: what Intel says.
        collateral: what the PCCS serves.
        chains: what each address presents.
        zones: what each resolver answers.
        registry: what the registry serves.
    """

    app_compose: Twist[str] = as_is
    events: Twist[tuple[Event, ...]] = as_is
    certificate: Twist[bytes] = as_is
    account: Twist[dict[str, Any]] = as_is
    listing: Twist[bytes] = as_is
    report: Callable[[TdReport], TdReport | EnclaveReport] = as_is
    quote: Twist[bytes] = as_is
    log: Twist[list[dict[str, Any]]] = as_is
    quote_json: Twist[dict[str, Any]] = as_is
    evidence: Twist[dict[str, Reply]] = as_is
    info: Twist[dict[str, Any]] = as_is
    offer: Twist[Offer] = as_is
    collateral: Twist[Collateral] = as_is
    chains: Twist[dict[str, Certified]] = as_is
    zones: Twist[tuple[Zone, ...]] = as_is
    registry: Twist[dict[str, Reply]] = as_is


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host.

    Attributes:
        at: now, Unix seconds; certificates and collateral are made to be valid then.
        name: its name, below `PARENT`.
        addresses: where it takes connections; resolvers are at the same ones.
        seed: what all keys follow from.
        single_file: whether its ingress is from before September 2025, with `cert.pem`.
        account: the ACME account URI.
        age: how many days ago its certificate was issued.
        lifetime: for how many days.
        staging: whether a test CA issued it.
        logs: how many CT logs saw it.
        guest: what the guest was told at boot; made from the seed if None.
        compose: the docker-compose file; the usual one if None.
        settings: the rest of app-compose.json.
        machine: what it runs on.
        making: how its quotes are made.
        twists: what is done to each part.
    """

    at: int
    name: str = NAME
    addresses: tuple[str, ...] = ADDRESSES
    seed: bytes = b"sp1tee"
    single_file: bool = False
    account: str = ACCOUNT
    age: int = 5
    lifetime: int = 90
    staging: bool = False
    logs: int = 2
    guest: Guest | None = None
    compose: str | None = None
    settings: Mapping[str, object] = field(default_factory=lambda: _SETTINGS)
    machine: Machine = field(default_factory=Machine)
    making: Making = field(default_factory=Making)
    twists: Twists = field(default_factory=Twists)

    @property
    def intel(self) -> Intel:
        """Who vouches for its machine."""
        return Intel(self.seed, self.machine)

    @property
    def images(self) -> tuple[Image, Image, Image]:
        """What it runs: ingress, server, fulfiller."""
        return single("sp1tee/ingress"), indexed("sp1tee/server"), single("sp1tee/fulfiller")

    @property
    def docker_compose(self) -> str:
        """The docker-compose file."""
        if self.compose is not None:
            return self.compose
        ingress, server, fulfiller = (image.pinned for image in self.images)
        return _COMPOSE.format(name=self.name, ingress=ingress, server=server, fulfiller=fulfiller)

    @property
    def booted(self) -> Guest:
        """What the guest was told at boot."""
        return self.guest or Guest(
            app_id=bytes.fromhex("5a" * 20),
            instance_id=bytes.fromhex("1a" * 20),
            os=RELEASE,
            provider=("kms", self.kms_key),
        )

    @property
    def kms_key(self) -> str:
        """The KMS's root public key, which is the id of its key provider."""
        public = Key.derive(self.seed, "kms").public
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()

    @property
    def issued(self) -> int:
        """When its certificate was issued."""
        return self.at - self.age * DAY

    @property
    def certificate_file(self) -> str:
        """What its ingress calls the certificate."""
        return "cert.pem" if self.single_file else f"cert-{self.name}.pem"

    def twisted(self, **parts: Callable[[Any], Any]) -> "Host":
        """Return the host with more done to some parts, named as in `Twists`."""
        after = {part: _both(getattr(self.twists, part), more) for part, more in parts.items()}
        return replace(self, twists=replace(self.twists, **after))


def _both(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return second if first is as_is else lambda part: second(first(part))
