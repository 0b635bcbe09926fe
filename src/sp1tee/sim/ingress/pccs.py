"""A provisioning certification caching service (Intel SGX and TDX PCS API v4)."""

from typing import Final
from urllib.parse import quote

from sp1tee.sim.ingress.replies import Reply
from sp1tee.sim.pki import Collateral

_SGX: Final = "/sgx/certification/v4"
_TDX: Final = "/tdx/certification/v4"


def pages(collateral: Collateral) -> dict[str, Reply]:
    """Serve collateral; only for its own kind of machine."""
    fmspc = collateral.fmspc
    tcb = _signed("tcbInfo", collateral.tcb_info, collateral.tcb_info_signature)
    identity = _signed("enclaveIdentity", collateral.qe_identity, collateral.qe_identity_signature)
    told = Reply(tcb, "application/json", headers=_chain("tcb-info", collateral))
    known = Reply(identity, "application/json", headers=_chain("sgx-enclave-identity", collateral))
    lists = Reply(collateral.pck_crl, headers=_chain("sgx-pck-crl", collateral))
    return {
        f"{_SGX}/pckcrl?ca=platform&encoding=der": lists,
        f"{_SGX}/rootcacrl": Reply(collateral.root_ca_crl.hex().encode(), "text/plain"),
        f"{_TDX}/tcb?fmspc={fmspc}": told,
        f"{_TDX}/tcb?fmspc={fmspc.lower()}": told,
        f"{_TDX}/qe/identity": known,
        f"{_SGX}/tcb?fmspc={fmspc}": told,
        f"{_SGX}/qe/identity": known,
    }


def _signed(name: str, text: str, signature: bytes) -> bytes:
    return f'{{"{name}":{text},"signature":"{signature.hex()}"}}'.encode()


def _chain(what: str, collateral: Collateral) -> tuple[tuple[str, str], ...]:
    chain = {
        "tcb-info": collateral.tcb_info_issuer_chain,
        "sgx-enclave-identity": collateral.qe_identity_issuer_chain,
        "sgx-pck-crl": collateral.pck_crl_issuer_chain,
    }[what]
    return ((f"{what}-issuer-chain", quote(chain)),)
