"""The policy file, field by field.

A section that is missing means that nothing was decided about its room: in `verify all` the room
is then `unevaluable`. Within a section every field has the strictest default that a healthy
deployment can meet; a field that pins something and is left out makes the check of it
`unevaluable` where it is required, and the report shows the line that would decide it.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

SCHEMA: Final = "sp1tee.policy.v1"


def _bare(value: object) -> object:
    return value.removeprefix("0x").lower() if isinstance(value, str) else value


def _hex(digits: int) -> StringConstraints:
    return StringConstraints(pattern=rf"^[0-9a-f]{{{digits}}}$")


def _as_written(digits: str) -> WithJsonSchema:
    """Describe hex as a file may have it, before it is made bare and lower-case."""
    return WithJsonSchema({"type": "string", "pattern": rf"^(0x)?{digits}$"})


Hex20 = Annotated[str, BeforeValidator(_bare), _hex(40), _as_written("[0-9a-fA-F]{40}")]
Hex32 = Annotated[str, BeforeValidator(_bare), _hex(64), _as_written("[0-9a-fA-F]{64}")]
Hex48 = Annotated[str, BeforeValidator(_bare), _hex(96), _as_written("[0-9a-fA-F]{96}")]
AnyHex = Annotated[
    str,
    BeforeValidator(_bare),
    StringConstraints(pattern=r"^([0-9a-f]{2})*$"),
    _as_written("([0-9a-fA-F]{2})*"),
]
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST: Final = rf"^{_LABEL}(\.{_LABEL})+$"
"""A host's name as checks compare it: lower case, international labels as A-labels."""
WAIVED: Final = r"^[a-z0-9]+\.[a-z0-9*?-]+$"
"""Checks of one room. What goes for every room is no decision, but a policy switched off."""


def _plain(value: object) -> object:
    return value.lower().removesuffix(".") if isinstance(value, str) else value


HostName = Annotated[
    str,
    BeforeValidator(_plain),
    StringConstraints(pattern=HOST, max_length=253),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9.-]{3,254}$"}),
]
TcbStatus = Literal[
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
]
Advisory = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9-]{1,40}$")]
Days = Annotated[int, Field(ge=0, le=3650)]


class Section(BaseModel):
    """Unknown keys are refused: a demand that is misspelt must not be silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Anchors(Section):
    """What the reader trusts instead of the shipped anchors; paths are relative to the policy."""

    tls_roots: Path | None = Field(
        default=None, description="PEM file of CAs, instead of the public ones."
    )
    quote_root: Path | None = Field(
        default=None,
        description="DER or PEM certificate, instead of Intel's root. For stand-ins only.",
    )
    ct_logs: Path | None = Field(
        default=None, description="CT log list (v3 JSON), instead of the shipped."
    )
    os_images: Path | None = Field(
        default=None, description="Table of OS image measurements, instead of the shipped one."
    )


class CertPolicy(Section):
    """The served certificate and the evidence for it."""

    hosts: tuple[HostName, ...] = Field(
        default=(),
        description="Names that the evidence may be of. Saved evidence says itself whose it is, "
        "and the same application may run under anybody's name.",
    )
    min_scts: int = Field(default=2, ge=0, le=10, description="Valid SCTs of distinct logs.")
    max_evidence_age_days: Days = Field(
        default=90, description="How old the attested certificate may be, from its notBefore."
    )
    not_before: date | None = Field(
        default=None,
        description="The attested certificate must not be older than this day: set it to when "
        "the measured compose was deployed, because an earlier version may have leaked its key.",
    )
    acme_directories: tuple[str, ...] = Field(
        default=("acme-v02.api.letsencrypt.org",),
        description="Hosts whose ACME accounts are accepted; a staging directory is none of them.",
    )


class QuotePolicy(Section):
    """The TDX quote."""

    tcb_status: tuple[TcbStatus, ...] = Field(
        default=("UpToDate",), min_length=1, description="Accepted TCB statuses."
    )
    deny_advisories: tuple[Advisory, ...] = Field(
        default=(), description="Advisories that are refused even with an accepted status."
    )
    max_collateral_age_days: Days = Field(
        default=30, description="How long ago Intel may have issued the collateral."
    )
    min_tcb_evaluation_data_number: int = Field(
        default=0, ge=0, description="Collateral older than this TCB recovery is refused."
    )
    platforms: tuple[AnyHex, ...] = Field(
        default=(),
        description="PPIDs of accepted machines; empty: any machine that Intel vouches for.",
    )


class KeyProvider(Section):
    """Who hands the enclave its disk and application keys."""

    name: Literal["kms", "local-sgx", "tpm", "none"] = Field(description="Its kind.")
    id: AnyHex = Field(
        default="", description="The KMS's root public key or the provider's MRENCLAVE."
    )


class Rtmr3Policy(Section):
    """What was measured into RTMR3. Pins that are left out are not known, and are named."""

    app_id: Hex20 | None = Field(default=None, description="The application.")
    compose_hash: tuple[Hex32, ...] = Field(default=(), description="Accepted app-compose hashes.")
    instance_id: tuple[Hex20, ...] = Field(
        default=(), description="Accepted instances; empty: any."
    )
    os_image_hash: tuple[Hex32, ...] = Field(
        default=(), description="Accepted os-image-hash events; empty: any."
    )
    key_provider: KeyProvider | None = Field(default=None, description="Who hands out keys.")
    allow_events: tuple[str, ...] = Field(
        default=(), description="Events that containers may add after system-ready."
    )


class ComposePolicy(Section):
    """The application's app-compose.json and the docker-compose file inside."""

    docker_compose: Path | None = Field(
        default=None,
        description="The published file, relative to the policy; must be inside unchanged.",
    )
    docker_compose_sha256: Hex32 | None = Field(
        default=None, description="The same, by its digest."
    )
    pre_launch_script_sha256: Hex32 | None = Field(
        default=None, description="The one script that may run as root before the containers."
    )
    init_script_sha256: tuple[Hex32, ...] = Field(default=(), description="Accepted init scripts.")
    allowed_envs: tuple[str, ...] | None = Field(
        default=None,
        description="Environment variables that may come from outside the measurement.",
    )
    allow: tuple[str, ...] = Field(
        default=(), description="Risky settings that are accepted, by name, e.g. `public-logs`."
    )


class OsPolicy(Section):
    """The OS image that booted."""

    images: tuple[str, ...] = Field(
        default=(), description="Names of accepted images in the table; empty: every release in it."
    )
    allow_dev: bool = Field(default=False, description="Accept images with a developer's login.")


class CaaPolicy(Section):
    """Who may issue certificates for the name."""

    account: str | None = Field(
        default=None, description="ACME account URI; left out: the one in the attested evidence."
    )
    issuer: str = Field(default="letsencrypt.org", min_length=1, description="The one CA.")
    methods: tuple[str, ...] = Field(
        default=("dns-01", "tls-alpn-01"), min_length=1, description="Accepted validation methods."
    )
    require_dnssec: bool = Field(
        default=False, description="Demand that resolvers validated the answer."
    )
    min_resolvers: int = Field(
        default=1, ge=1, le=20, description="How many must answer, all alike."
    )


class DigestsPolicy(Section):
    """The images of the docker-compose file."""

    require_registry: bool = Field(
        default=True, description="Every pinned manifest must be served and hash to its pin."
    )
    allow_unpinned: tuple[str, ...] = Field(default=(), description="Services that need no pin.")


class WaiverPolicy(Section):
    """A check whose failing is put up with for a time."""

    check: Annotated[str, StringConstraints(pattern=WAIVED)] = Field(
        description="Id of a check, or a pattern within one room, such as `digests.*`."
    )
    subject: str = Field(default="*", description="Which service or address; a pattern.")
    reason: str = Field(min_length=3, description="Why; shown in every report.")
    expires: date = Field(description="The first day it no longer counts.")


class Policy(Section):
    """A whole policy."""

    schema_: Literal["sp1tee.policy.v1"] = Field(
        default=SCHEMA, alias="schema", description="Which kind of file this is; must be there."
    )
    name: str = Field(default="", description="What it is for.")
    anchors: Anchors = Anchors()
    cert: CertPolicy | None = None
    quote: QuotePolicy | None = None
    rtmr3: Rtmr3Policy | None = None
    compose: ComposePolicy | None = None
    os: OsPolicy | None = None
    caa: CaaPolicy | None = None
    digests: DigestsPolicy | None = None
    waivers: tuple[WaiverPolicy, ...] = ()
