"""What has to hold of a quote."""

from typing import Final

from sp1tee.verify.checks import Rule
from sp1tee.verify.quote.faults import Fault

FORMAT: Final = Rule(
    "quote.format",
    "SP1TEE-V200",
    "There is a quote, and it can be read",
    "Without one nothing shows that anything runs in an enclave.",
    waivable=False,
)
TYPE: Final = Rule(
    "quote.type",
    "SP1TEE-V201",
    "It is a TDX guest's quote",
    "An SGX enclave's quote verifies too, but its fields mean other things.",
    waivable=False,
)
TAIL: Final = Rule(
    "quote.tail",
    "SP1TEE-V202",
    "Only zeros follow the quote's end",
    "Nothing signs what follows, so whoever searches it finds what an attacker put there.",
)
CLAIMS: Final = Rule(
    "quote.claims",
    "SP1TEE-V203",
    "What its file says beside the quote agrees with it",
    "A file that says otherwise than its quote was made to mislead its reader.",
)
COLLATERAL: Final = Rule(
    "quote.collateral",
    "SP1TEE-V204",
    "Intel's statements about the platform are at hand",
    "Without them neither revocation nor the state of the platform is known.",
    waivable=False,
)
EXPIRED: Final = Rule(
    "quote.collateral-expired",
    "SP1TEE-V205",
    "No certificate, revocation list or statement has expired",
    "What Intel has said since may be that the platform is broken.",
    waivable=False,
)
FUTURE: Final = Rule(
    "quote.collateral-future",
    "SP1TEE-V206",
    "No certificate, revocation list or statement is from the future",
    "Then the clock is wrong, and what is expired looks valid.",
    waivable=False,
)
REVOKED: Final = Rule(
    "quote.revoked",
    "SP1TEE-V207",
    "No certificate was revoked",
    "Intel revokes keys that leaked: anybody may sign with one.",
    waivable=False,
)
CHAIN: Final = Rule(
    "quote.chain",
    "SP1TEE-V208",
    "Every certificate and revocation list comes from the root",
    "Anybody can make certificates that look like Intel's.",
    waivable=False,
)
COLLATERAL_SIGNATURE: Final = Rule(
    "quote.collateral-signature",
    "SP1TEE-V209",
    "TCB info and QE identity are signed by Intel",
    "Whoever writes these decides which platforms count as up to date.",
    waivable=False,
)
OTHER_PLATFORM: Final = Rule(
    "quote.collateral-platform",
    "SP1TEE-V210",
    "The collateral is for this kind of platform",
    "Another family's statements say nothing about this one.",
    waivable=False,
)
QE_SIGNATURE: Final = Rule(
    "quote.qe-signature",
    "SP1TEE-V211",
    "The machine's key vouches for the quoting enclave",
    "Otherwise the key that signed the quote is anybody's.",
    waivable=False,
)
QE_IDENTITY: Final = Rule(
    "quote.qe-identity",
    "SP1TEE-V212",
    "The quoting enclave is Intel's",
    "Another enclave on a genuine machine may sign whatever it is given.",
    waivable=False,
)
SIGNATURE: Final = Rule(
    "quote.signature",
    "SP1TEE-V213",
    "The quote is signed, every byte of it",
    "A quote with one byte changed looks right everywhere but here.",
    waivable=False,
)
SEAM: Final = Rule(
    "quote.seam",
    "SP1TEE-V214",
    "The TDX module is Intel's",
    "The module is what keeps the host out; another one need not.",
    waivable=False,
)
LEVEL: Final = Rule(
    "quote.tcb-level",
    "SP1TEE-V215",
    "Intel knows a TCB level for this platform",
    "A platform below every level has weaknesses that nobody lists any more.",
    waivable=False,
)
LEVEL_REVOKED: Final = Rule(
    "quote.tcb-revoked",
    "SP1TEE-V216",
    "The platform's TCB level is not revoked",
    "Keys of such a platform can be assumed to be known.",
    waivable=False,
)
DEBUG: Final = Rule(
    "quote.debug",
    "SP1TEE-V217",
    "The guest cannot be debugged",
    "The host reads and writes the memory of a guest that can.",
    waivable=False,
)
ATTRIBUTES: Final = Rule(
    "quote.attributes",
    "SP1TEE-V218",
    "No reserved attribute is set",
    "What such a bit allows the host to do is not known.",
    waivable=False,
)
SEPT_VE: Final = Rule(
    "quote.sept-ve",
    "SP1TEE-V219",
    "The host cannot inject page faults (SEPT_VE_DISABLE)",
    "Otherwise it takes pages away at chosen moments, and the guest goes astray.",
    waivable=False,
)
MIGRATABLE: Final = Rule(
    "quote.migratable",
    "SP1TEE-V220",
    "The guest cannot be moved to another machine",
    "Whoever moves a guest holds the keys to its memory.",
    waivable=False,
)
SERVICE_TD: Final = Rule(
    "quote.service-td",
    "SP1TEE-V221",
    "No service guest is bound to it",
    "A service guest, such as a migration agent, may read the guest's state.",
    waivable=False,
)
OWNER: Final = Rule(
    "quote.owner",
    "SP1TEE-V222",
    "The host wrote nothing into mr_owner and mr_owner_config",
    "The CPU signs them as the host chose them: they look attested and are not the guest's.",
)
VERIFIED: Final = Rule(
    "quote.verified",
    "SP1TEE-V223",
    "The quote verifies up to its root",
    "Nothing that a quote says counts before.",
    waivable=False,
)
STATUS: Final = Rule(
    "quote.tcb-status",
    "SP1TEE-V224",
    "The platform's TCB status is acceptable",
    "An outdated platform is genuine and has known holes.",
)
ADVISORIES: Final = Rule(
    "quote.advisories",
    "SP1TEE-V225",
    "No security advisory applies that the policy denies",
    "A status lumps together weaknesses of very different weight.",
)
AGE: Final = Rule(
    "quote.collateral-age",
    "SP1TEE-V226",
    "The collateral is recent",
    "Old statements stay validly signed for weeks and hide what was found since.",
)
EVALUATION: Final = Rule(
    "quote.tcb-evaluation",
    "SP1TEE-V227",
    "The collateral knows the TCB recovery that the policy asks for",
    "For a year after a recovery Intel also serves statements that ignore it.",
)
PLATFORM: Final = Rule(
    "quote.platform",
    "SP1TEE-V228",
    "The machine is one that the policy names",
    "Whoever holds a genuine machine in hand can read its keys from the memory bus.",
)
REPORT_DATA: Final = Rule(
    "quote.report-data",
    "SP1TEE-V229",
    "The guest signed exactly this report data",
    "Any tenant gets a genuine quote; only the report data ties one to what is being checked.",
    waivable=False,
)

RULES: Final[tuple[Rule, ...]] = (
    FORMAT,
    TYPE,
    TAIL,
    CLAIMS,
    COLLATERAL,
    EXPIRED,
    FUTURE,
    REVOKED,
    CHAIN,
    COLLATERAL_SIGNATURE,
    OTHER_PLATFORM,
    QE_SIGNATURE,
    QE_IDENTITY,
    SIGNATURE,
    SEAM,
    LEVEL,
    LEVEL_REVOKED,
    DEBUG,
    ATTRIBUTES,
    SEPT_VE,
    MIGRATABLE,
    SERVICE_TD,
    OWNER,
    VERIFIED,
    STATUS,
    ADVISORIES,
    AGE,
    EVALUATION,
    PLATFORM,
    REPORT_DATA,
)

OF_FAULT: Final = {
    Fault.FORMAT: TYPE,
    Fault.COLLATERAL: COLLATERAL,
    Fault.EXPIRED: EXPIRED,
    Fault.FUTURE: FUTURE,
    Fault.REVOKED: REVOKED,
    Fault.CHAIN: CHAIN,
    Fault.COLLATERAL_SIGNATURE: COLLATERAL_SIGNATURE,
    Fault.OTHER_PLATFORM: OTHER_PLATFORM,
    Fault.QE_SIGNATURE: QE_SIGNATURE,
    Fault.QE_IDENTITY: QE_IDENTITY,
    Fault.SIGNATURE: SIGNATURE,
    Fault.SEAM: SEAM,
    Fault.NO_LEVEL: LEVEL,
    Fault.LEVEL_REVOKED: LEVEL_REVOKED,
    Fault.DEBUG: DEBUG,
    Fault.ATTRIBUTES: ATTRIBUTES,
    Fault.SEPT_VE: SEPT_VE,
    Fault.MIGRATABLE: MIGRATABLE,
    Fault.SERVICE_TD: SERVICE_TD,
    Fault.UNKNOWN: VERIFIED,
}
