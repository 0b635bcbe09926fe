"""The rules about who can get a certificate for the name."""

from typing import Final

from sp1tee.verify.checks import Rule

ANSWERED: Final = Rule(
    "caa.answered",
    "SP1TEE-V601",
    "Enough resolvers answered every question",
    "A question that is not answered may hide a record; a CA must not take that for none either.",
)
AGREEMENT: Final = Rule(
    "caa.agreement",
    "SP1TEE-V602",
    "All resolvers see the same CAA sets",
    "Somebody may be answering some of them with something else, and a CA may see either.",
)
PRESENT: Final = Rule(
    "caa.present",
    "SP1TEE-V603",
    "A CAA set says who may issue for the name",
    "Without one every CA may, to whoever passes its validation.",
)
ISSUER: Final = Rule(
    "caa.issuer",
    "SP1TEE-V604",
    "Only the one CA may issue for the name",
    "Issue records add up: one more CA is one more way to a certificate.",
)
ACCOUNT_PRESENT: Final = Rule(
    "caa.account-present",
    "SP1TEE-V605",
    "Every issue record names an ACME account",
    "A record without accounturi lets every account of the CA ask for a certificate.",
)
ACCOUNT: Final = Rule(
    "caa.account",
    "SP1TEE-V606",
    "The only account is the pinned one",
    "Any other account's key may lie outside the enclave. Account URIs are compared exactly.",
)
METHODS_PRESENT: Final = Rule(
    "caa.methods-present",
    "SP1TEE-V607",
    "Every issue record names validation methods",
    "Without validationmethods, methods count that whoever holds the address can pass.",
)
METHODS: Final = Rule(
    "caa.methods",
    "SP1TEE-V608",
    "No other validation method may be used",
    "http-01, for one, is passed by whoever routes connections to the address.",
)
WILDCARD_HERE: Final = Rule(
    "caa.wildcard-here",
    "SP1TEE-V609",
    "Wildcards below the name are bound as tightly",
    "They do not match the name itself, but names below it that clients may be sent to.",
)
PARENT_PRESENT: Final = Rule(
    "caa.parent-present",
    "SP1TEE-V610",
    "A CAA set says who may issue wildcards that match the name",
    "Clients accept *.example.org for tee.example.org, and the CAA set at tee.example.org is not "
    "consulted for it.",
)
PARENT_WILDCARD: Final = Rule(
    "caa.parent-wildcard",
    "SP1TEE-V611",
    "Nobody else may get a wildcard that matches the name",
    "Clients accept *.example.org for tee.example.org, and the CAA set at tee.example.org is not "
    "consulted for it.",
)
PARENT_METHODS: Final = Rule(
    "caa.parent-methods",
    "SP1TEE-V612",
    "No other validation method may be used for such a wildcard",
    "What holds for the name holds for wildcards that match it.",
)
CRITICAL: Final = Rule(
    "caa.critical",
    "SP1TEE-V613",
    "No critical property is unknown",
    "A CA that does not know it must not issue, the pinned one included; one that does may.",
)
WELL_FORMED: Final = Rule(
    "caa.well-formed",
    "SP1TEE-V614",
    "Every issue record is well-formed",
    "A record that two CAs can read in two ways restricts only one of them.",
)
ALIAS: Final = Rule(
    "caa.alias",
    "SP1TEE-V615",
    "No alias lets somebody else decide",
    "CAs follow aliases: a CAA set at the target counts before those above the name, and the "
    "target's owner can put one there at any time.",
)
DNSSEC: Final = Rule(
    "caa.dnssec",
    "SP1TEE-V616",
    "A resolver validated the answers with DNSSEC",
    "Without DNSSEC whoever sits near a CA or near the reader can forge answers.",
)
RENEWAL: Final = Rule(
    "caa.renewal",
    "SP1TEE-V617",
    "The pinned account itself can still renew",
    "A lock that shuts out its owner ends with an expired certificate, and in haste with no lock.",
)
ROUTING: Final = Rule(
    "caa.routing",
    "SP1TEE-V618",
    "The name is routed to the pinned application",
    "The gateway sends connections to the application that the TXT record names.",
)
ENCLAVE: Final = Rule(
    "caa.enclave-account",
    "SP1TEE-V619",
    "The account that may ask is the enclave's own",
    "CAA that locks certificates to an account whose key lies elsewhere keeps the enclave out and "
    "lets its holder in.",
)

RULES: Final[tuple[Rule, ...]] = (
    ANSWERED,
    AGREEMENT,
    PRESENT,
    ISSUER,
    ACCOUNT_PRESENT,
    ACCOUNT,
    METHODS_PRESENT,
    METHODS,
    WILDCARD_HERE,
    PARENT_PRESENT,
    PARENT_WILDCARD,
    PARENT_METHODS,
    CRITICAL,
    WELL_FORMED,
    ALIAS,
    DNSSEC,
    RENEWAL,
    ROUTING,
    ENCLAVE,
)
"""Every rule of the room, in the order of a report."""
