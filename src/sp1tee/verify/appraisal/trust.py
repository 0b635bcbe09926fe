"""What a reader trusts: the anchors that ship, or those that are given instead."""

from dataclasses import dataclass, field
from functools import cached_property

from sp1tee.verify.cert import LogList, Roots, public_roots, read_logs, read_roots, shipped_logs
from sp1tee.verify.osimage import Table, load_table
from sp1tee.verify.quote import read_root
from sp1tee.verify.report import Input


@dataclass(frozen=True)
class Trust:
    """Anchors as their files; None is the one that ships.

    Attributes:
        tls_roots: PEM of CAs, instead of the public ones.
        quote_root: DER or PEM, instead of Intel's root.
        ct_logs: a CT log list (v3 JSON).
        os_images: a table of OS images.
    """

    tls_roots: bytes | None = field(default=None, repr=False)
    quote_root: bytes | None = field(default=None, repr=False)
    ct_logs: bytes | None = field(default=None, repr=False)
    os_images: bytes | None = field(default=None, repr=False)

    @cached_property
    def roots(self) -> Roots:
        """CAs of TLS; raises `EvidenceMalformed`."""
        if self.tls_roots is None:
            return public_roots()
        return read_roots(self.tls_roots, "the given CAs")

    @cached_property
    def logs(self) -> LogList:
        """CT logs; raises `EvidenceMalformed`."""
        if self.ct_logs is None:
            return shipped_logs()
        return read_logs(self.ct_logs, "the given CT log list")

    @cached_property
    def intel(self) -> bytes | None:
        """DER of the quotes' root, None for Intel's; raises `EvidenceMalformed`."""
        return None if self.quote_root is None else read_root(self.quote_root)

    @cached_property
    def images(self) -> Table:
        """Known OS images; raises `EvidenceMalformed`."""
        return load_table(self.os_images)

    def inputs(self) -> tuple[Input, ...]:
        """Return the given files, for the report."""
        given = {
            "TLS roots": self.tls_roots,
            "root of quotes": self.quote_root,
            "CT log list": self.ct_logs,
            "OS images": self.os_images,
        }
        return tuple(Input(name, data) for name, data in given.items() if data is not None)
