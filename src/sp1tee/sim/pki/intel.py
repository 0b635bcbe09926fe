"""A synthetic Intel: its keys, its certificates, and what they sign."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from sp1tee.sim.pki.certificates import Certified, certify, revocations
from sp1tee.sim.pki.collateral import (
    PCK,
    PCK_CA,
    ROOT,
    STRANGER,
    TCB_SIGNER,
    Collateral,
    Offer,
    qe_identity,
    tcb_info,
)
from sp1tee.sim.pki.keys import Key
from sp1tee.sim.pki.machine import Machine, sgx_extension
from sp1tee.sim.pki.quotes import Making, sign_quote
from sp1tee.sim.pki.reports import EnclaveReport, TdReport

_RIGHT: Final = Making()


@dataclass(frozen=True)
class Intel:
    """A root and all that it vouches for; the same seed gives the same bytes.

    Attributes:
        seed: what all keys follow from. It protects nothing.
        machine: the machine that quotes come from and collateral is for, unless told otherwise.
    """

    seed: bytes = b"sp1tee"
    machine: Machine = field(default_factory=Machine)

    @property
    def root_der(self) -> bytes:
        """The root's certificate: what a verifier takes instead of Intel's."""
        return self.root.certificate.public_bytes(Encoding.DER)

    def quote(
        self,
        report: TdReport | EnclaveReport,
        how: Making = _RIGHT,
        *,
        machine: Machine | None = None,
    ) -> bytes:
        """Sign a report as a machine's quoting enclave does."""
        machine = machine or self.machine
        attestation = self._key(f"attestation/{machine.name}")
        return sign_quote(report, self.pck(machine), attestation, how)

    def collateral(self, offer: Offer, *, pck_chain: Machine | None = None) -> bytes:
        """Write collateral as QuoteCollateralV3 JSON; see `parts`."""
        return self.parts(offer, pck_chain=pck_chain).to_json()

    def parts(self, offer: Offer, *, pck_chain: Machine | None = None) -> Collateral:
        """Make collateral.

        Args:
            offer: what it says.
            pck_chain: the machine whose PCK chain it brings along; none if None.
        """
        info = tcb_info(offer, offer.fmspc or self.machine.fmspc)
        identity = qe_identity(offer)
        signer = self._signer(offer.tcb_by, TCB_SIGNER)
        return Collateral(
            pck_crl_issuer_chain=self.pck_ca.pem,
            root_ca_crl=self._root_crl(offer),
            pck_crl=self._pck_crl(offer),
            tcb_info_issuer_chain=signer.pem,
            tcb_info=info,
            tcb_info_signature=signer.key.sign(info.encode()),
            qe_identity_issuer_chain=signer.pem,
            qe_identity=identity,
            qe_identity_signature=signer.key.sign(identity.encode()),
            pck_certificate_chain=self.pck(pck_chain).pem if pck_chain else None,
        )

    def pck(self, machine: Machine) -> Certified:
        """Certify a machine."""
        return certify(
            "Synthetic SGX PCK Certificate",
            self._key(f"pck/{machine.name}"),
            self.pck_ca,
            extensions=(sgx_extension(machine),),
            valid=machine.valid,
        )

    @cached_property
    def root(self) -> Certified:
        """The root."""
        return certify("Synthetic SGX Root CA", self._key(ROOT), ca=True)

    @cached_property
    def pck_ca(self) -> Certified:
        """Who certifies machines."""
        return certify("Synthetic SGX PCK Platform CA", self._key(PCK_CA), self.root, ca=True)

    @cached_property
    def tcb_signer(self) -> Certified:
        """Who signs TCB info and the quoting enclave's identity."""
        return certify("Synthetic SGX TCB Signing", self._key(TCB_SIGNER), self.root)

    @cached_property
    def stranger(self) -> "Intel":
        """Somebody with all the same names and other keys."""
        return Intel(self.seed + b"/stranger", self.machine)

    def _root_crl(self, offer: Offer) -> bytes:
        below = {PCK_CA: self.pck_ca, TCB_SIGNER: self.tcb_signer}
        signer = self._signer(offer.root_crl_by, ROOT)
        return _crl(offer, signer, [below[n] for n in offer.revoked if n in below])

    def _pck_crl(self, offer: Offer) -> bytes:
        revoked = [self.pck(self.machine)] if PCK in offer.revoked else []
        return _crl(offer, self._signer(offer.pck_crl_by, PCK_CA), revoked)

    def _signer(self, who: str, role: str) -> Certified:
        """Find who signs: somebody of this Intel's, or the stranger in the same role."""
        intel, role = (self.stranger, role) if who == STRANGER else (self, who)
        return {ROOT: intel.root, PCK_CA: intel.pck_ca, TCB_SIGNER: intel.tcb_signer}[role]

    def _key(self, name: str) -> Key:
        return Key.derive(self.seed, name)


def _crl(offer: Offer, issuer: Certified, revoked: list[Certified]) -> bytes:
    until = offer.end if offer.crl_next_update is None else offer.crl_next_update
    return revocations(
        issuer,
        issued=offer.begin,
        next_update=until,
        revoked=[each.certificate for each in revoked],
    )
