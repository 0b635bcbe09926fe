"""Which number is short, and what raises it.

Intel SGX PCS API v4, "TCB info": a platform is at the first level all of whose numbers it
reaches; the TDX module, from major version 1 on, and the quoting enclave have levels of their own.
Only ever computed from statements whose signatures were verified.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sp1tee.verify.quote.dcap import Platform
from sp1tee.verify.quote.tcb import Component, EnclaveLevel, Level, QeIdentity, TcbInfo

UP_TO_DATE: Final = "UpToDate"
_MODULE_COMPONENTS: Final = 2
_NEW_CERTIFICATE: Final = "then the host must fetch a new PCK certificate"
_MODULE: Final = "a newer TDX module (SEAM loader) raises it"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A number that is lower than it has to be.

    Attributes:
        what: which number, e.g. `TDX module ISVSVN`.
        has: as it is.
        needs: as it has to be.
        wanted: the status that needs it.
        remedy: what raises it.
    """

    what: str
    has: int
    needs: int
    wanted: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} is {self.has}, {self.wanted} needs {self.needs}: {self.remedy}"


def shortfalls(
    levels: TcbInfo, quoting: QeIdentity, platform: Platform, tee_tcb_svn: bytes, qe_svn: int
) -> tuple[Shortfall, ...]:
    """Compare a platform with the best level that Intel names.

    Args:
        levels: the TCB info.
        quoting: the quoting enclave's identity.
        platform: the machine's certificate, for its `cpu_svn` and `pce_svn`.
        tee_tcb_svn: of the TD report; its first two bytes are the TDX module's ISVSVN and major
            version.
        qe_svn: the quoting enclave's ISVSVN.
    """
    module = _module(levels, tee_tcb_svn[1])
    return (
        *_of_platform(levels.levels, platform, tee_tcb_svn, own_module=module is not None),
        *_of_enclave("TDX module ISVSVN", tee_tcb_svn[0], module or (), _MODULE),
        *_of_enclave(
            "Quoting enclave ISVSVN",
            qe_svn,
            quoting.levels,
            "newer quote generation software (DCAP) on the host raises it",
        ),
    )


def _module(levels: TcbInfo, major: int) -> Sequence[EnclaveLevel] | None:
    wanted = f"TDX_{major:02X}"
    found = (module.levels for module in levels.modules if module.id.upper() == wanted)
    return next(found, None) if major else None


def _of_platform(
    levels: Sequence[Level], platform: Platform, tee_tcb_svn: bytes, *, own_module: bool
) -> Iterator[Shortfall]:
    if not levels:
        return
    best = _best(levels)
    yield from _short(best.status, "", best.tcb.sgx, platform.cpu_svn)
    if platform.pce_svn < best.tcb.pce:
        remedy = f"a newer provisioning enclave (PCE) on the host raises it; {_NEW_CERTIFICATE}"
        yield Shortfall("PCE SVN", platform.pce_svn, best.tcb.pce, best.status, remedy)
    skipped = _MODULE_COMPONENTS if own_module else 0
    yield from _short(best.status, "TDX ", best.tcb.tdx, tee_tcb_svn, skipped)


def _short(
    wanted: str, kind: str, needed: Sequence[Component], has: bytes, skipped: int = 0
) -> Iterator[Shortfall]:
    for number, (component, svn) in enumerate(zip(needed, has, strict=False), start=1):
        if number > skipped and svn < component.svn:
            what = f"{kind}{'' if kind else 'CPU '}SVN component {number}"
            name = component.type or component.category
            what = f"{what} ({name})" if name else what
            yield Shortfall(what, svn, component.svn, wanted, _remedy(component))


def _remedy(component: Component) -> str:
    if component.type == "TDX Module":
        return _MODULE
    if component.category == "BIOS":
        return f"a newer BIOS raises it; {_NEW_CERTIFICATE}"
    if "Microcode" in component.type:
        return f"newer microcode, loaded by the host's system, raises it; {_NEW_CERTIFICATE}"
    if component.type:
        return f"a newer {component.type} on the host raises it; {_NEW_CERTIFICATE}"
    return f"an update of the host's firmware raises it; {_NEW_CERTIFICATE}"


def _of_enclave(
    what: str, svn: int, levels: Sequence[EnclaveLevel], remedy: str
) -> Iterator[Shortfall]:
    if levels and svn < (best := _best(levels)).tcb.isvsvn:
        yield Shortfall(what, svn, best.tcb.isvsvn, best.status, remedy)


_L = TypeVar("_L", Level, EnclaveLevel)


def _best(levels: Sequence[_L]) -> _L:
    """Pick the first level that is up to date; Intel lists the newest first."""
    return next((level for level in levels if level.status == UP_TO_DATE), levels[0])
