"""`sp1tee verify caa`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify import common
from sp1tee.cli.verify.sources import resolvers, usable
from sp1tee.errors import ConfigError
from sp1tee.verify.report import Input

if TYPE_CHECKING:
    from sp1tee.verify.evidence.manifest import DnsReply
    from sp1tee.verify.policy.model import CaaPolicy

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

APP_ID_SIZE: Final = 20
_LOCK: Final = "Lock"
_EVIDENCE: Final = "Evidence"


@app.command(
    epilog=examples(
        "sp1tee verify caa tee.example.org --account https://acme-v02.api.letsencrypt.org/acme/acct/1234",
        "sp1tee verify caa tee.example.org --policy policy.toml --resolver tls://9.9.9.9#dns.quad9.net",
        "sp1tee verify caa tee.example.org --policy policy.toml --bundle evidence.tar",
    )
)
@assembled
def caa(
    *,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The name that clients connect to.")],
    options: Annotated[common.Options, common.options],
    account: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="The one ACME account that may ask; acme-account.json among the evidence files "
            "has it.",
            rich_help_panel=_LOCK,
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(
            metavar="DOMAIN",
            help="The one CA; letsencrypt.org, if left out.",
            rich_help_panel=_LOCK,
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="An accepted validation method; dns-01 and tls-alpn-01, if left out. Repeatable.",
            rich_help_panel=_LOCK,
        ),
    ] = None,
    app_id: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            help="The application that the name must be routed to.",
            rich_help_panel=_LOCK,
        ),
    ] = None,
    resolver: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RESOLVER",
            help="Whom to ask: IP, IP:PORT, tls://IP#NAME, tls://IP:PORT#NAME or https://…; this "
            "machine's resolvers and three public ones, if left out. Repeatable.",
            rich_help_panel=_EVIDENCE,
        ),
    ] = None,
    bundle: common.BundleFile = None,
) -> None:
    """Check that nobody else can get a certificate for a name.

    CAA records say which CA may issue, to which of its accounts, and how. Every record that any
    resolver sees must be for the one account, for the name and for wildcards that match it. CAA
    binds honest CAs when they issue; whoever controls the zone can change it.
    """
    from sp1tee.verify.caa import examine, judge, read_host, read_reply

    name = usable(read_host, host)
    policy = _policy(options, account, issuer, method)
    options = options.demanding("caa", policy)
    pinned = _app_id(options, app_id)
    found = _answers(options, name, resolver or (), bundle)
    facts = examine(name, [read_reply(record, body) for record, body in found])
    findings = common.about(options, name) + judge(facts, policy, app_id=pinned)
    inputs = [
        Input(f"{record.resolver} {record.name} {record.type}", body)
        for record, body in found
        if body is not None
    ]
    common.conclude(options, name, findings, inputs)


def _policy(
    options: common.Options,
    account: str | None,
    issuer: str | None,
    methods: Sequence[str] | None,
) -> "CaaPolicy":
    from sp1tee.verify.policy.model import CaaPolicy

    base = options.policy.policy.caa if options.policy else None
    typed = {"account": account, "issuer": issuer, "methods": tuple(methods or ()) or None}
    policy = (base or CaaPolicy.model_validate({})).model_copy(
        update={key: value for key, value in typed.items() if value is not None}
    )
    if policy.account is None:
        raise ConfigError(
            "It is not known which account may ask for certificates.",
            advice="Give it with --account URI or in the policy ([caa] account); `sp1tee verify "
            "all` takes it from attested evidence.",
        )
    if not policy.account.startswith("https://"):
        raise ConfigError(
            f"{policy.account[:80]!r} is no account URI.",
            advice="It begins with https://, as in acme-account.json.",
        )
    return policy


def _app_id(options: common.Options, typed: str | None) -> str | None:
    from sp1tee.verify.reading import from_hex

    if typed is not None:
        return usable(lambda text: from_hex(text, "--app-id", size=APP_ID_SIZE).hex(), typed)
    named = options.policy.policy.rtmr3 if options.policy else None
    return named.app_id if named else None


def _answers(
    options: common.Options, host: str, typed: Sequence[str], bundle: Path | None
) -> "Sequence[tuple[DnsReply, bytes | None]]":
    if bundle is not None:
        kept = common.load(options, bundle)
        return [(record, kept.file(record.file)) for record in kept.manifest.dns]
    if options.offline:
        return ()
    from sp1tee.verify.fetch.dns import query_all

    roots = options.policy.policy.anchors.tls_roots if options.policy else None
    return query_all(host, resolvers(typed), roots=roots)
