"""A PKI that signs quotes as Intel's does, for tests and rehearsals. It proves nothing.

Verifiers take its root instead of Intel's; everything else is done as for a genuine quote::

    from sp1tee.sim.pki import Intel, Offer, TdReport

    intel = Intel()                                        # Intel(seed=b"other"): another one
    quote = intel.quote(TdReport(report_data=bytes(64)))   # version 4
    collateral = intel.collateral(Offer(at=1_790_000_000))
    dcap_qvl.verify_with_root_ca(
        quote, QuoteCollateralV3.from_json(collateral.decode()), intel.root_der, 1_790_000_000
    ).status                                               # UpToDate

Four things can be chosen, each a frozen dataclass whose unset fields are healthy:

- `TdReport`: what the TD is. ``TdReport(td_attributes=attributes(SEPT_VE_DISABLE, DEBUG))``.
- `Making`: how the quote is made. ``intel.quote(report, Making(version=5, tail=b"x"))``.
- `Machine`: what it runs on. ``Intel(machine=Machine(pce_svn=1))`` for all quotes, or
  ``intel.quote(report, machine=Machine(name="other", ppid=bytes(16)))`` for one.
- `Offer`: what collateral says. ``Offer(at=now, tcb_status="OutOfDate",
  advisories=("INTEL-SA-00960",))``, ``Offer(at=now, revoked=(PCK,))``.

Whatever is signed is signed over the chosen values: bytes changed afterwards are a forgery, e.g.
the dstack simulator's, which writes over ``quote[568:632]``.
"""

from sp1tee.sim.pki.collateral import (
    DAY,
    PCK,
    PCK_CA,
    ROOT,
    STRANGER,
    TCB_SIGNER,
    Collateral,
    Offer,
    SvnLevel,
    TcbLevel,
)
from sp1tee.sim.pki.intel import Intel
from sp1tee.sim.pki.keys import Key
from sp1tee.sim.pki.machine import Machine
from sp1tee.sim.pki.quotes import SGX, TDX_1_0, TDX_1_5, Making
from sp1tee.sim.pki.reports import (
    DEBUG,
    MIGRATABLE,
    PERFMON,
    SEPT_VE_DISABLE,
    EnclaveReport,
    TdReport,
    attributes,
)

__all__ = [
    "DAY",
    "DEBUG",
    "MIGRATABLE",
    "PCK",
    "PCK_CA",
    "PERFMON",
    "ROOT",
    "SEPT_VE_DISABLE",
    "SGX",
    "STRANGER",
    "TCB_SIGNER",
    "TDX_1_0",
    "TDX_1_5",
    "Collateral",
    "EnclaveReport",
    "Intel",
    "Key",
    "Machine",
    "Making",
    "Offer",
    "SvnLevel",
    "TcbLevel",
    "TdReport",
    "attributes",
]
