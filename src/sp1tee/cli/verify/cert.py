"""`sp1tee verify cert`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify import common
from sp1tee.cli.verify.cert_evidence import Evidence, find, gather, shake_hands
from sp1tee.cli.verify.sources import PANEL, Connect
from sp1tee.errors import ConfigError, EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.report import Input

if TYPE_CHECKING:
    from sp1tee.verify.cert import LogList, Roots
    from sp1tee.verify.checks import Findings
    from sp1tee.verify.ingress import IngressFacts
    from sp1tee.verify.policy.model import CertPolicy

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_LIMIT: Final = 4 * 1024 * 1024


@app.command(
    epilog=examples(
        "sp1tee verify cert tee.example.org",
        "# one address of it, and evidence that was saved",
        "sp1tee verify cert tee.example.org --connect 192.0.2.1:443 --evidence evidences/",
        "# with a newer list of CT logs",
        "sp1tee verify cert tee.example.org --ct-logs log_list.json",
    )
)
@assembled
def cert(
    *,
    target: Annotated[
        str | None,
        typer.Argument(metavar="[HOST[:PORT]]", help="The name that clients connect to."),
    ] = None,
    bundle: common.BundleFile = None,
    options: Annotated[common.Options, common.options],
    evidence: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URL",
            help="Where the evidence files are; https://HOST/evidences/, if left out.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    connect: Connect = None,
    resolver: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RESOLVER",
            help="Whom to ask for addresses: IP, IP:PORT, tls://IP#NAME, tls://IP:PORT#NAME or "
            "https://…; this machine's resolver, if left out. Repeatable.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="Trust these CAs instead of the public ones. Without a policy or --ct-logs, no "
            "CT logs are demanded then.",
        ),
    ] = None,
    ct_logs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Trust the CT logs of this list (v3 JSON)."),
    ] = None,
) -> None:
    """Check that every address serves the attested certificate.

    Compares the certificate of each address with the one in the host's evidence files, and judges
    it as a browser would: trusted CA, name, validity, CT logs. The evidence counts only if a
    genuine quote states it, which this command does not verify: see `verify all`.
    """
    from sp1tee.verify import cert as room
    from sp1tee.verify import ingress
    from sp1tee.verify.fetch.ingress import bodies

    policy = _policy(options, own_ca=ca_file is not None and ct_logs is None)
    if target is None and bundle is None:
        raise ConfigError("Name a host, or saved evidence with --bundle.")
    if bundle is not None:
        from sp1tee.cli.verify.appraising import conclude_on

        conclude_on(
            bundle, options, {"cert": policy}, host=target, tls_roots=ca_file, ct_logs=ct_logs
        )
    roots, logs, given = _anchors(options, ca_file, ct_logs)
    where = find(target or "", connect or (), resolver or (), offline=options.offline)
    endpoints = () if options.offline else shake_hands(where)
    gathered = gather(where, endpoints, evidence, offline=options.offline)
    files = bodies(gathered.found)
    facts = ingress.examine(files, where.host)
    presented = room.examine(
        endpoints,
        [record for record, _ in gathered.found if gathered.own],
        chain=facts.chain.value,
        host=where.host,
        at=options.at,
        roots=roots,
        logs=logs,
    )
    findings = (
        common.about(options, where.host)
        + ingress.judge(facts, policy, bound=False)
        + _quoted(facts, files)
        + room.judge(presented, policy, bound=False)
    )
    served = [Input(f"TLS {record.address}", pem) for record, pem in endpoints if pem is not None]
    inputs = [*(Input(name, body) for name, body in files.items()), *served, *given]
    common.conclude(options, where.host, findings, inputs, _notes(gathered))


def _policy(options: common.Options, *, own_ca: bool) -> "CertPolicy":
    """Return what is demanded: the policy's word, or defaults. CT logs don't take any CA's."""
    from sp1tee.verify.policy.model import CertPolicy

    if options.policy is None and own_ca:
        return CertPolicy(min_scts=0)
    named = options.policy.policy.cert if options.policy else None
    return named or CertPolicy()


def _anchors(
    options: common.Options, ca_file: Path | None, ct_logs: Path | None
) -> "tuple[Roots, LogList, list[Input]]":
    """Read what is trusted; an anchor that can't be read is no finding about the host."""
    from sp1tee.verify.cert import public_roots, read_logs, read_roots, shipped_logs

    named = options.policy.policy.anchors if options.policy else None
    ca_file = ca_file or (named.tls_roots if named else None)
    ct_logs = ct_logs or (named.ct_logs if named else None)
    given: list[Input] = []
    roots, logs = public_roots(), None
    try:
        if ca_file is not None:
            given.append(Input("TLS roots", common.read(ca_file, _LIMIT)))
            roots = read_roots(given[-1].data, str(ca_file))
        if ct_logs is not None:
            given.append(Input("CT log list", common.read(ct_logs, _LIMIT)))
            logs = read_logs(given[-1].data, str(ct_logs))
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        raise ConfigError(error.message, advice="Leave it out to use what ships.") from None
    return roots, logs or shipped_logs(), given


def _quoted(facts: "IngressFacts", files: dict[str, bytes]) -> "Findings":
    from sp1tee.verify.ingress import QUOTE, judge_unverified

    return judge_unverified(facts, _stated(files[QUOTE]) if QUOTE in files else None)


def _stated(body: bytes) -> bytes | VerifyError:
    """Take the report data out of a quote that nobody verified."""
    from sp1tee.verify.quote import read_quote
    from sp1tee.verify.quote.layout import lay_out

    try:
        report = lay_out(read_quote(body).raw).report
    except VerifyError as error:
        return error
    return (
        EvidenceMalformed("The quote is none of a TDX guest.")
        if report is None
        else report.report_data
    )


def _notes(gathered: Evidence) -> list[str]:
    """Say what could not be fetched, and why."""
    records = (record for record, _ in gathered.found)
    return [f"{record.name}: {record.trouble.message}" for record in records if record.trouble]
