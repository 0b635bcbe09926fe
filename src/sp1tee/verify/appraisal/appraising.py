"""All rooms on one bundle, each building on what the ones before it bore out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from sp1tee.errors import EvidenceMalformed, VerifyError
from sp1tee.verify import caa, cert, compose, digests, ingress, osimage, quote, rtmr3
from sp1tee.verify.appraisal.origins import judge_addresses, judge_host, judge_time
from sp1tee.verify.appraisal.parts import Parts, attempt
from sp1tee.verify.appraisal.rules import DECIDED, SAME_GUEST
from sp1tee.verify.appraisal.trust import Trust
from sp1tee.verify.checks import Check, Findings, Rule
from sp1tee.verify.evidence.bundle import Bundle
from sp1tee.verify.facts import computed
from sp1tee.verify.ingress.rules import GENUINE
from sp1tee.verify.policy import (
    CaaPolicy,
    CertPolicy,
    ComposePolicy,
    DigestsPolicy,
    OsPolicy,
    Policy,
    QuotePolicy,
    Rtmr3Policy,
)

ROOMS: Final = ("cert", "quote", "rtmr3", "os", "compose", "caa", "digests")
"""What is appraised, by the names of a policy's sections."""
NOTHING: Final = Policy(schema="sp1tee.policy.v1")
"""A policy that says nothing."""


@dataclass(frozen=True)
class Appraisal:
    """A bundle, and what to appraise it by.

    Attributes:
        bundle: the evidence.
        policy: what is demanded; `NOTHING` if nobody said.
        at: the time to judge for, Unix seconds.
        trust: the anchors.
        published: the docker-compose file that the policy names, and its name in reports.
        required: whether a pin that the policy leaves out is an omission.
    """

    bundle: Bundle
    policy: Policy
    at: int
    trust: Trust = field(default_factory=Trust)
    published: bytes | None = field(default=None, repr=False)
    published_name: str = "docker-compose.yml"
    required: bool = True

    def findings(self, rooms: Iterable[str] = ROOMS) -> Findings:
        """Appraise; whatever is missing or malformed is a finding, nothing is raised.

        Raises:
            VerifyError: an anchor cannot be read: that is no finding about the evidence.
        """
        wanted = set(rooms)
        found = self._origins
        for room in ROOMS:
            if room in wanted:
                found += Findings(tuple(self._decided(room)))
                found += getattr(self, f"_{room}")
        return found + Findings((self._vouched(reported="quote" in wanted),))

    @cached_property
    def parts(self) -> Parts:
        """The bundle's parts."""
        return Parts(self.bundle)

    def _decided(self, room: str) -> Iterator[Check]:
        if getattr(self.policy, room) is None:
            yield DECIDED.unevaluable(
                f"Nothing is demanded of {room}: what follows is judged by defaults, and counts "
                "only with a policy.",
                subject=room,
                expected=f"[{room}]",
                remedy=f"Add a [{room}] section; `sp1tee policy init` writes a first policy.",
            )

    @cached_property
    def _origins(self) -> Findings:
        """Whose the evidence is, and of when."""
        pinned = () if self.policy.cert is None else self.policy.cert.hosts
        host = judge_host(self._host, pinned, required=self.required)
        time = judge_time(self.bundle.manifest.begun, self.at)
        told = computed("evidence.host", self._host, "the name that the evidence is about")
        return Findings((host, time), (told,))

    def _vouched(self, *, reported: bool) -> Check:
        """Say what stands behind the evidence files.

        Args:
            reported: whether the quote was asked for too, so that this cannot be left open.
        """
        claimed = "No verified quote states these evidence files: what they say is merely claimed."
        if self._bound:
            return GENUINE.passes("A verified quote states these evidence files.")
        if reported:
            return GENUINE.unevaluable(claimed, remedy="See the checks of the quote.")
        return GENUINE.skips(claimed, remedy="See why: sp1tee verify quote --bundle …")

    @cached_property
    def _replies(self) -> tuple[caa.Reply, ...]:
        return tuple(
            caa.read_reply(record, self.bundle.file(record.file))
            for record in self.bundle.manifest.dns
        )

    @cached_property
    def _host(self) -> str:
        return self.bundle.manifest.target.host

    @cached_property
    def _ingress_facts(self) -> ingress.IngressFacts:
        return ingress.examine(self.parts.ingress_files, self._host)

    @cached_property
    def _quote_facts(self) -> quote.QuoteFacts | VerifyError:
        read = self.parts.quote
        if isinstance(read, VerifyError):
            return read
        return quote.examine(
            read.raw,
            self.parts.collateral,
            at=self.at,
            root=self.trust.intel,
            claims=read.claims,
        )

    @cached_property
    def _report(self) -> quote.TdReport | None:
        facts = self._quote_facts
        return None if isinstance(facts, VerifyError) else facts.report

    @cached_property
    def _genuine(self) -> bool:
        facts = self._quote_facts
        return not isinstance(facts, VerifyError) and facts.genuine

    @cached_property
    def _bound(self) -> bool:
        """Whether a verified quote signs these evidence files."""
        expected = self._ingress_facts.report_data
        return (
            self._genuine
            and self._report is not None
            and expected is not None
            and self._report.report_data == expected
        )

    @cached_property
    def _log_facts(self) -> rtmr3.Rtmr3Facts | VerifyError:
        events, report = self.parts.events, self._report
        if isinstance(events, VerifyError):
            return events
        if report is None:
            facts = self._quote_facts
            return facts if isinstance(facts, VerifyError) else _unread(facts)
        boot = (report.rtmr0, report.rtmr1, report.rtmr2)
        return attempt(lambda: rtmr3.examine(events, report.rtmr3, boot=boot))

    @cached_property
    def _measured(self) -> rtmr3.Rtmr3Facts | None:
        """The log, if it is what RTMR3 was made of."""
        facts = self._log_facts
        return facts if not isinstance(facts, VerifyError) and facts.replays else None

    @cached_property
    def _cert(self) -> Findings:
        policy = self.policy.cert or CertPolicy()
        manifest = self.bundle.manifest
        chain = self._ingress_facts.chain.value
        facts = cert.examine(
            [(endpoint, self.bundle.file(endpoint.chain)) for endpoint in manifest.endpoints],
            manifest.ingress,
            chain=chain,
            host=self._host,
            at=self.at,
            roots=self.trust.roots,
            logs=self.trust.logs,
        )
        asked = judge_addresses(
            self._host, self._replies, manifest.endpoints, required=self.required
        )
        return (
            ingress.judge(self._ingress_facts, policy, bound=self._bound)
            + Findings((asked,))
            + cert.judge(facts, policy, bound=self._bound, required=self.required)
        )

    @cached_property
    def _quote(self) -> Findings:
        facts = self._quote_facts
        if isinstance(facts, VerifyError):
            return quote.unreadable(facts)
        return quote.judge(
            facts,
            self.policy.quote or QuotePolicy(),
            report_data=self._ingress_facts.report_data,
            required=self.required,
        )

    @cached_property
    def _rtmr3(self) -> Findings:
        facts = self._log_facts
        if isinstance(facts, VerifyError):
            return rtmr3.unreadable(facts)
        found = rtmr3.judge(
            facts, self.policy.rtmr3 or Rtmr3Policy(), genuine=self._genuine, required=self.required
        )
        return found + Findings(tuple(self._same_guest()))

    def _same_guest(self) -> Iterator[Check]:
        info, measured = self.parts.info, self._measured
        if isinstance(info, VerifyError):
            yield SAME_GUEST.unevaluable(info)
        elif measured is None or not self._genuine:
            yield SAME_GUEST.unevaluable(
                "Which guest was quoted is not known.",
                remedy="See the checks of the quote and of RTMR3.",
            )
        elif info.app_id and measured.app_id and info.app_id != measured.app_id.hex():
            yield SAME_GUEST.fails(
                "A guest of another application answered than the one that was quoted.",
                expected=measured.app_id.hex(),
                actual=info.app_id,
                remedy="Ask the quoted guest: --info with its application's id in the host name.",
            )
        elif not measured.instance_id:
            yield SAME_GUEST.skips(
                "The guest has no instance id, so any instance may have answered."
            )
        elif info.instance_id != measured.instance_id.hex():
            yield SAME_GUEST.fails(
                "Another instance answered than the one that was quoted.",
                expected=measured.instance_id.hex(),
                actual=info.instance_id or "no instance id",
                remedy="Ask the quoted instance: --info with its instance id in the host name.",
            )
        else:
            yield SAME_GUEST.passes("The quoted instance answered.", actual=info.instance_id)

    @cached_property
    def _os(self) -> Findings:
        if self._report is None:
            facts = self._quote_facts
            why = facts if isinstance(facts, VerifyError) else _unread(facts)
            return _unevaluable(osimage.RULES, why)
        measured = self._measured
        return osimage.judge(
            osimage.examine(self._report, self.trust.images),
            self.policy.os or OsPolicy(),
            genuine=self._genuine,
            os_image_hash=None if measured is None else measured.os_image_hash,
        )

    @cached_property
    def _compose_facts(self) -> compose.ComposeFacts | VerifyError:
        raw = self.parts.app_compose
        return raw if isinstance(raw, VerifyError) else attempt(lambda: compose.examine(raw))

    @cached_property
    def _compose(self) -> Findings:
        facts, measured = self._compose_facts, self._measured
        if isinstance(facts, VerifyError):
            return _unevaluable(compose.RULES, facts)
        return compose.judge(
            facts,
            self.policy.compose or ComposePolicy(),
            compose_hash=None if measured is None else measured.compose_hash,
            mr_config_id=self._report.mr_config_id if self._report and self._genuine else None,
            published=self.published,
            published_name=self.published_name,
            genuine=self._genuine,
            required=self.required,
            identity=_identity(measured),
        )

    @cached_property
    def _caa(self) -> Findings:
        pinned = None if self.policy.rtmr3 is None else self.policy.rtmr3.app_id
        return caa.judge(
            caa.examine(self._host, self._replies),
            self.policy.caa or CaaPolicy(),
            account=self._ingress_facts.account_uri if self._bound else None,
            app_id=pinned,
            required=self.required,
        )

    @cached_property
    def _digests(self) -> Findings:
        facts = self._compose_facts
        file = facts if isinstance(facts, VerifyError) else facts.read
        if isinstance(file, VerifyError):
            return _unevaluable(digests.RULES, file)
        images = digests.from_records(
            (record, self.bundle.file(record.file)) for record in self.bundle.manifest.images
        )
        return digests.judge(
            file,
            images,
            self.policy.digests or DigestsPolicy(),
            required=self.required,
        )


def _unevaluable(rules: tuple[Rule, ...], why: VerifyError) -> Findings:
    """Say once that a whole room could not be evaluated, and which checks that leaves out."""
    first, *rest = rules
    left_out = "Not checked: " + ", ".join(rule.id for rule in rest)
    return Findings((first.unevaluable(why, details=(left_out,)),))


def _identity(measured: rtmr3.Rtmr3Facts | None) -> compose.Identity:
    if measured is None:
        return compose.Identity()
    return compose.Identity(measured.app_id, measured.instance_id)


def _unread(facts: quote.QuoteFacts) -> VerifyError:
    """Say why a quote has no TD report."""
    if isinstance(facts.layout, VerifyError):
        return facts.layout
    return EvidenceMalformed("The quote is none of a TDX guest.")
