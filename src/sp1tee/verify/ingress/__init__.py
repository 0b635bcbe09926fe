"""The evidence files of dstack-ingress: which there are, whose they are, what they say."""

from sp1tee.verify.ingress.account import Account, read_account
from sp1tee.verify.ingress.chain import read_chain
from sp1tee.verify.ingress.examination import (
    FileState,
    IngressFacts,
    ListedFile,
    Read,
    examine,
    expected_report_data,
)
from sp1tee.verify.ingress.judgement import judge
from sp1tee.verify.ingress.listing import ACCOUNT, LISTING, QUOTE, Entry, read_listing
from sp1tee.verify.ingress.names import certificate_for
from sp1tee.verify.ingress.quoted import judge_unverified
from sp1tee.verify.ingress.rules import RULES

__all__ = [
    "ACCOUNT",
    "LISTING",
    "QUOTE",
    "RULES",
    "Account",
    "Entry",
    "FileState",
    "IngressFacts",
    "ListedFile",
    "Read",
    "certificate_for",
    "examine",
    "expected_report_data",
    "judge",
    "judge_unverified",
    "read_account",
    "read_chain",
    "read_listing",
]
