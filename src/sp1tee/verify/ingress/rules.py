"""What has to hold of evidence files."""

from typing import Final

from sp1tee.verify.checks import Rule

LISTING: Final = Rule(
    "ingress.listing",
    "SP1TEE-V101",
    "sha256sum.txt is a list that can be read in one way only",
    "The quote commits to this file's bytes: whoever reads it otherwise sees other evidence.",
    waivable=False,
)
PRESENT: Final = Rule(
    "ingress.files",
    "SP1TEE-V102",
    "Every listed file is there",
    "A file that is withheld can't be judged.",
)
DIGESTS: Final = Rule(
    "ingress.digests",
    "SP1TEE-V103",
    "Every listed file has its listed digest",
    "The quote binds a file only through its digest in the list.",
    waivable=False,
)
CERTIFICATE: Final = Rule(
    "ingress.certificate",
    "SP1TEE-V104",
    "The list has a certificate of this host",
    "Evidence of another name says nothing about this one.",
    waivable=False,
)
CHAIN: Final = Rule(
    "ingress.chain",
    "SP1TEE-V105",
    "The host's certificate file is a certificate chain",
    "Its first certificate is the one that the enclave vouches for.",
    waivable=False,
)
ACCOUNT: Final = Rule(
    "ingress.account",
    "SP1TEE-V106",
    "The evidence names one ACME account",
    "CAA records can bind issuance to the enclave only through its account.",
)
DIRECTORY: Final = Rule(
    "ingress.directory",
    "SP1TEE-V107",
    "The ACME account is of an accepted directory",
    "An account of another directory, a staging one above all, binds nobody who issues "
    "certificates that browsers trust.",
)
STATED: Final = Rule(
    "ingress.report-data",
    "SP1TEE-V108",
    "The quote, genuine or not, states these evidence files",
    "Its report data has to be the SHA-256 of sha256sum.txt and 32 zero bytes, all 64 bytes.",
    waivable=False,
)
GENUINE: Final = Rule(
    "ingress.quote",
    "SP1TEE-V109",
    "A genuine quote vouches for the evidence files",
    "Anybody can write evidence files; what an enclave vouches for has a verified quote.",
    waivable=False,
)
RULES: Final = (
    LISTING, PRESENT, DIGESTS, CERTIFICATE, CHAIN, ACCOUNT, DIRECTORY, STATED, GENUINE,
)  # fmt: skip
