"""The server's evidence, judged before an input is sent to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.render import note
from sp1tee.cli.verify.common import Options, demand_host, load, options, show
from sp1tee.cli.verify.sources import Asked
from sp1tee.client import Endpoint
from sp1tee.errors import ConfigError, UncheckedServer

if TYPE_CHECKING:
    from sp1tee.verify.evidence import Bundle
    from sp1tee.verify.report import Report

_PANEL: Final = "Check of the server"
_CERTIFICATE: Final = "cert.leaf.sha256"


@dataclass(frozen=True, slots=True)
class Check:
    """What to demand of a server, and where its evidence is."""

    options: Options
    evidence: Path | None

    def of(self, endpoint: Endpoint, asked: Asked) -> Endpoint:
        """Judge a server; returns it with the certificate that uploads must meet.

        Ends the command with the report and the verdict's exit code unless everything passes.

        Raises:
            ConfigError: its address is not https, or the evidence is about another host.
            EvidenceFileError: the evidence cannot be read.
            UncheckedServer: what passed says nothing of a certificate.
        """
        from sp1tee.verify.appraisal import verify_bundle

        if not endpoint.encrypted:
            raise ConfigError(
                "A server without TLS cannot be checked: nothing says that it is the one of the "
                "evidence.",
                advice="Name it with https://.",
            )
        bundle = self._bundle(endpoint.target, asked)
        report = verify_bundle(bundle, self.options.policy, at=self.options.at)
        if report.exit_code:
            show(report)
            note(f"Nothing was sent to {report.target}.")
            raise typer.Exit(report.exit_code)
        checked = endpoint.checked(_attested(report))
        note(f"{report.target} is what the policy demands")
        return checked

    def _bundle(self, target: str, asked: Asked) -> "Bundle":
        if self.evidence is None:
            return asked.collect(target)
        bundle = load(self.options, self.evidence)
        demand_host(bundle, target, advice="Name the host and port of the evidence with --server.")
        return bundle


def check(
    *,
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Check the server before anything is sent: all of `sp1tee verify all` must pass "
            "by this policy, and the input then goes to the certificate that was checked alone.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE.tar",
            help="Judge this saved evidence, for now, instead of collecting it; see "
            "`sp1tee evidence`.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> Check | None:
    """Choose what to demand of the server; None: nothing.

    Raises:
        ConfigError: there is evidence and no policy.
        PolicyError: the policy cannot be read.
    """
    if policy is None:
        if evidence is not None:
            raise ConfigError("Evidence alone demands nothing.", advice="Give --policy, too.")
        return None
    return Check(options(policy=policy), evidence)


def checked(endpoint: Endpoint, check: Check | None, asked: Asked) -> Endpoint:
    """Check a server where that was demanded; raises as `Check.of`.

    Raises:
        ConfigError: it was said whom to ask for evidence, and none is needed.
    """
    if asked != Asked() and (check is None or check.evidence is not None):
        raise ConfigError(
            "It was said whom to ask for evidence, and nobody is asked for any.",
            advice="Give --policy without --evidence, or leave out what is under Evidence.",
        )
    return endpoint if check is None else check.of(endpoint, asked)


def _attested(report: "Report") -> str:
    """Return the SHA-256 of the certificate that the quote vouches for; every address serves it."""
    from sp1tee.verify.facts import Basis

    for fact in report.facts:
        if fact.name == _CERTIFICATE and fact.basis is Basis.ATTESTED:
            return str(fact.value)
    raise UncheckedServer(
        f"Everything that was demanded of {report.target} holds, but nothing says which "
        "certificate is its enclave's.",
        advice="Leave out of the policy what waives the checks of the certificate or the quote.",
    )
