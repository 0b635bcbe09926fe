"""The served certificate: is it the attested one, everywhere, and would a browser accept it?"""

from sp1tee.verify.cert.certificates import Certificate, read_certificate
from sp1tee.verify.cert.ct_logs import Log, LogList, LogState, read_logs, shipped_logs
from sp1tee.verify.cert.examination import CertFacts, Path, Presented, at_port, examine
from sp1tee.verify.cert.judgement import judge
from sp1tee.verify.cert.roots import Roots, public_roots, read_roots
from sp1tee.verify.cert.rules import RULES
from sp1tee.verify.cert.scts import Outcome, Sct

__all__ = [
    "RULES",
    "CertFacts",
    "Certificate",
    "Log",
    "LogList",
    "LogState",
    "Outcome",
    "Path",
    "Presented",
    "Roots",
    "Sct",
    "at_port",
    "examine",
    "judge",
    "public_roots",
    "read_certificate",
    "read_logs",
    "read_roots",
    "shipped_logs",
]
