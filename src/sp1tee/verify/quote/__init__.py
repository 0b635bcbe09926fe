"""The TDX quote: does a genuine, up-to-date Intel TDX guest sign exactly this report data?

`read_quote` makes bytes of any shape, `examine` verifies them up to the root, `judge` says what
that is worth to a reader. A quote has no date: it says that a guest once signed, not when.
"""

from sp1tee.verify.quote.collateral import Collateral, read_collateral, write_collateral
from sp1tee.verify.quote.dcap import Claims, Platform, Rejection
from sp1tee.verify.quote.examining import INTEL, QuoteFacts, examine
from sp1tee.verify.quote.explain import Shortfall
from sp1tee.verify.quote.faults import Fault
from sp1tee.verify.quote.judging import judge, unreadable
from sp1tee.verify.quote.layout import Header, Layout, TdReport
from sp1tee.verify.quote.root import read_root
from sp1tee.verify.quote.rules import RULES
from sp1tee.verify.quote.shapes import FILE_LIMIT, QuoteInput, read_quote

__all__ = [
    "FILE_LIMIT",
    "INTEL",
    "RULES",
    "Claims",
    "Collateral",
    "Fault",
    "Header",
    "Layout",
    "Platform",
    "QuoteFacts",
    "QuoteInput",
    "Rejection",
    "Shortfall",
    "TdReport",
    "examine",
    "judge",
    "read_collateral",
    "read_quote",
    "read_root",
    "unreadable",
    "write_collateral",
]
