"""What has to hold of a served certificate."""

from typing import Final

from sp1tee.verify.checks import Rule

LEAF: Final = Rule(
    "cert.leaf",
    "SP1TEE-V110",
    "Every address serves the attested certificate",
    "Whoever serves another one holds a key that the enclave doesn't vouch for: a relay, a wrong "
    "route or an interception.",
    waivable=False,
)
CONNECTION: Final = Rule(
    "cert.connection",
    "SP1TEE-V111",
    "The evidence came over connections that the attested certificate ends",
    "Genuine evidence of one machine can be relayed by another; the certificate of the very "
    "connection shows who answered.",
    waivable=False,
)
PATH: Final = Rule(
    "cert.path",
    "SP1TEE-V112",
    "The chain leads to a trusted CA",
    "A client trusts the name only through a CA.",
    waivable=False,
)
NAME: Final = Rule(
    "cert.name",
    "SP1TEE-V113",
    "The certificate covers the host name",
    "A certificate of another name says nothing about this one.",
    waivable=False,
)
VALIDITY: Final = Rule(
    "cert.validity",
    "SP1TEE-V114",
    "The certificate is valid at this time",
    "Old evidence can be replayed for as long as its certificate is accepted.",
    waivable=False,
)
ISSUER: Final = Rule(
    "cert.issuer",
    "SP1TEE-V115",
    "The certificate is neither a placeholder nor from a staging CA",
    "Ingresses start with a certificate of their own, and staging CAs give one to anybody.",
    waivable=False,
)
AGE: Final = Rule(
    "cert.age",
    "SP1TEE-V116",
    "The attested certificate is recent enough",
    "A quote has no time: the certificate it commits to is the only bound on its age.",
)
NOT_BEFORE: Final = Rule(
    "cert.not-before",
    "SP1TEE-V117",
    "The attested certificate is not older than the measured application",
    "An earlier version of the application shared its disk and could have leaked the key.",
)
SCT: Final = Rule(
    "cert.sct",
    "SP1TEE-V118",
    "A CT log signed this certificate's timestamp",
    "A forged timestamp hides that the certificate is in no log.",
)
LOGGED: Final = Rule(
    "cert.logged",
    "SP1TEE-V119",
    "Enough CT logs promise to publish the certificate",
    "A certificate that is in public logs can't be issued behind the back of those who watch them.",
)
RULES: Final = (
    LEAF, CONNECTION, PATH, NAME, VALIDITY, ISSUER, AGE, NOT_BEFORE, SCT, LOGGED,
)  # fmt: skip
