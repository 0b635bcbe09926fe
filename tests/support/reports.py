"""Reports to render: one like a real one, and ones that try to harm whoever reads them."""

from dataclasses import replace

from hypothesis import strategies as st

from sp1tee.verify.checks import Check, Findings, Location, Rule, Status
from sp1tee.verify.facts import Basis, Fact, attested, claimed, computed
from sp1tee.verify.report import Input, PolicyRecord, Report, assemble

AT = 1_795_348_800  # 2026-11-22T12:00:00Z
LEAF = "5d1f" * 16
COMPOSE = "7af9" * 16

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07 \x9b31m \x7f \r overwritten",
    "[bold red]markup[/bold red] [link=https://evil.example]x[/link] [/] :smile:",
    "<script>alert(1)</script><img src=x onerror=alert(1)> &amp; ]]> <!-- -->",
    "\"' onmouseover='alert(1) javascript:alert(1)",
    "| cell | `code` ``` ~~~ **bold** [text](https://evil.example) ![i](https://evil.example)",
    "@everyone #1 GH-1 https://evil.example www.evil.example a@evil.example",
    "{0} {1} [here](1) \\[ \\",
    "\u202egnirts\u2066 \u200b\u00ad\ufeff\u2028\u2029 \x85",
    "\x00\x01\ufffe\uffff",
    "line one\nline two\r\n\n# three\n",
    "`" * 50,
    "",
    " ",
    "x" * 5000,
)
"""What evidence may say to do harm in one format or another."""


def rule(name: str, code: str, title: str, *, waivable: bool = True) -> Rule:
    return Rule(name, f"SP1TEE-{code}", title, "because", waivable)


SERVED = rule("cert.served-leaf", "V101", "The served certificate is the attested one")
SCTS = rule("cert.scts", "V102", "The certificate is logged where anyone can see it")
LISTED = rule("ingress.listed", "V110", "Every listed evidence file has its digest")
SIGNED = rule(
    "quote.signature", "V200", "The quote is signed by a genuine Intel machine", waivable=False
)
TCB = rule("quote.tcb-status", "V205", "The machine's TCB status is accepted")
DATA = rule("quote.report-data", "V210", "The quote binds exactly the evidence files")
REPLAY = rule("rtmr3.replay", "V300", "The events replay to RTMR3")
APP = rule("rtmr3.app-id", "V304", "The application is the one that was asked for")
INSTANCE = rule("rtmr3.instance-id", "V306", "The instance is one that was asked for")
COMPOSED = rule("compose.hash", "V400", "app-compose.json is the measured one")
IMAGE = rule("os.known-image", "V500", "The OS image is a known release")
LOCKED = rule("caa.account", "V601", "Only the enclave's account can get certificates")
PINNED = rule("digests.pinned", "V700", "The image is pinned by digest")
SERVES = rule("digests.registry", "V701", "The registry serves the pinned bytes")

CHECKS = (
    SERVED.passes("The leaf served is the attested leaf.", subject="192.0.2.10", actual=LEAF),
    SERVED.passes("The leaf served is the attested leaf.", subject="2001:db8::10", actual=LEAF),
    SCTS.passes("3 valid SCTs of distinct logs."),
    LISTED.passes("2 files, all with their digests."),
    SIGNED.passes("The signature chain ends at Intel's root.", anchors=("Intel SGX Root CA",)),
    TCB.refuses(
        "The TCB status is OutOfDate, which the policy does not accept.",
        expected="UpToDate",
        actual="OutOfDate (INTEL-SA-00615, INTEL-SA-00657)",
        remedy="Ask the operator to update the machine's microcode, or accept it:\n[quote]\n"
        'tcb_status = ["UpToDate", "OutOfDate"]',
        details=("tdx component 2: 3, needed 5 (late microcode)", "pce svn: 13, needed 13"),
    ),
    DATA.passes("report_data is sha256(sha256sum.txt) and 32 zero bytes."),
    REPLAY.passes("10 events replay to the quote's RTMR3."),
    APP.fails(
        "The application id differs from the pinned one.",
        expected="9b78cf840e16a8274e00474cdac4afdabc5eeb93",
        actual="1111cf840e16a8274e00474cdac4afdabc5e1111",
        remedy="Somebody else's application answers under this name. Do not send inputs.",
    ),
    INSTANCE.skips("No instance is pinned: any instance of the application is accepted."),
    COMPOSED.passes("SHA-256 of the bytes is the measured compose-hash."),
    IMAGE.unevaluable(
        "The table has no image with these measurements.",
        actual="MRTD " + "c68518a0" * 12,
        remedy="sp1tee verify quote quote.json --format json",
        reason="SP1TEE-V001",
    ),
    LOCKED.passes("Every issue property names the enclave's account."),
    replace(
        PINNED.refuses(
            "The image has a tag and no digest.",
            subject="moongate",
            expected="…@sha256:…",
            actual="public.ecr.aws/succinct-labs/sp1-gpu:86a2bbf",
            location=Location("docker-compose.yml", 31),
        ),
        status=Status.WAIVED,
        waiver="The vendor publishes no digest yet (expires 2027-01-31)",
    ),
    SERVES.passes("The manifest hashes to its pin.", subject="server"),
)
FACTS = (
    attested("rtmr3.app_id", "9b78cf840e16a8274e00474cdac4afdabc5eeb93", "RTMR3 in the quote"),
    attested("rtmr3.compose_hash", COMPOSE, "RTMR3 in the quote"),
    computed("compose.hash", COMPOSE, "app-compose.json"),
    claimed("os.name", "dstack-nvidia-0.5.4.1", "vm_config"),
    computed("quote.advisories", ["INTEL-SA-00615"], "TCB info"),
)
POLICY = PolicyRecord(
    "tee.example.org",
    "3a" * 32,
    (
        "The TCB status must be UpToDate.",
        "The application must be 9b78cf840e16a8274e00474cdac4afdabc5eeb93.",
        "Not pinned: instance, OS image. Any is accepted that passes its other checks.",
    ),
)
INPUTS = (Input("bundle.json", b"{}"), Input("quote.json", b"{}"))
NOTES = ("A waiver for digests.pinned ends on 2027-01-31.",)


def report(*checks: Check, policy: PolicyRecord | None = POLICY) -> Report:
    """Assemble a report; without checks, one that has every status."""
    return assemble(
        "tee.example.org",
        Findings(checks or CHECKS, FACTS),
        at=AT,
        policy=policy,
        inputs=INPUTS,
        notes=NOTES,
    )


def with_text(text: str) -> Report:
    """Make a report that says one text wherever evidence may say something."""
    place = Location(text, 7)
    checks = tuple(
        Check(
            id=name,
            code="SP1TEE-V999",
            title=text,
            status=status,
            summary=text,
            subject=text,
            expected=text,
            actual=text,
            remedy=text,
            details=(text, text),
            anchors=(text,),
            location=place,
            reason=text,
            waiver=text,
        )
        for name in ("room.rule", f"room.{text}")
        for status in Status
    )
    return assemble(
        text,
        Findings(checks, (Fact(f"room.{text}", [text, {text: text}], Basis.CLAIMED, text),)),
        at=AT,
        policy=PolicyRecord(text, None, (text, text)),
        inputs=(Input(text, b""),),
        notes=(text,),
    )


texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.text(alphabet="<>&\"'`|*_[](){}\\/@#:!~$\n\x1b\x00\u202e a1", max_size=60),
)
reports = texts.map(with_text)
"""Reports that say arbitrary things."""
