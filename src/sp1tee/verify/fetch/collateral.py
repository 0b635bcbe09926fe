"""Collateral from Intel's certification service, or from any cache of it (PCCS).

Intel SGX and TDX Provisioning Certification Service API v4: revocation list of the platform CA,
TCB info of a family of platforms, identity of the quoting enclave, each with its issuers' chain in
a header; and the root's revocation list. Nothing is verified here, and nothing has to be: all of
it is signed, so a lying server can only withhold or serve what is old.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from sp1tee.errors import EvidenceMalformed, FetchError
from sp1tee.hosts import is_loopback
from sp1tee.verify.fetch.collateral_cache import CollateralCache
from sp1tee.verify.fetch.http import Response, get
from sp1tee.verify.quote.collateral import read_collateral, write_collateral
from sp1tee.verify.quote.dcap import Platform
from sp1tee.verify.reading import from_hex, read_object
from sp1tee.verify.reading.files import MIB

INTEL: Final = "https://api.trustedservices.intel.com"
INTEL_ROOT_CRL: Final = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
LIMIT: Final = MIB
"""No answer has more than 20 KB today."""
_SPACE: Final = re.compile(r"[ \t\r\n]*")

_PATHS: Final = ("/sgx/certification/v4", "/tdx/certification/v4")
_OK: Final = 200
_NOT_FOUND: Final = 404
_DER: Final = 0x30


def fetch_collateral(
    platform: Platform,
    *,
    at: int,
    source: str = INTEL,
    cache: CollateralCache | None = None,
    roots: Path | None = None,
) -> bytes:
    """Get the collateral of a platform's family, from the cache while that is valid.

    Args:
        platform: the machine's certificate; `fmspc` and `ca` are used.
        at: the time it must be valid at to be taken from the cache, Unix seconds.
        source: Intel, or the address of a PCCS.
        cache: where it is kept; None: nowhere. What a server on this machine says is never kept:
            it is near enough, and another one may be at its port the next time.
        roots: PEM file of the CAs that vouch for the source; the public ones if None.

    Returns:
        A `QuoteCollateralV3` in JSON, without a machine's certificate.

    Raises:
        FetchError: the source cannot be reached, or answers something else.
        EvidenceTooLarge: it answers too much.
    """
    asked = _Source(_base(source), roots)
    if cache is None or asked.local:
        return _collect(asked, platform)
    kept = cache.find(platform, asked.base, at)
    if kept is not None:
        return kept
    data = _collect(asked, platform)
    cache.keep(platform, asked.base, data)
    return data


def _collect(source: "_Source", platform: Platform) -> bytes:
    fmspc = platform.fmspc.hex().upper()
    try:
        crl = source.ask(f"/sgx/certification/v4/pckcrl?ca={platform.ca}&encoding=der")
        tcb = source.ask(f"/tdx/certification/v4/tcb?fmspc={fmspc}")
        identity = source.ask("/tdx/certification/v4/qe/identity")
        tcb_info, tcb_signature = _signed(tcb.body, "tcbInfo")
        qe_identity, qe_signature = _signed(identity.body, "enclaveIdentity")
        data = write_collateral(
            {
                "pck_crl_issuer_chain": _chain(crl, "sgx-pck-crl-issuer-chain"),
                "root_ca_crl": _der(source.root_crl()),
                "pck_crl": _der(crl),
                "tcb_info_issuer_chain": _chain(
                    tcb, "tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"
                ),
                "tcb_info": tcb_info,
                "tcb_info_signature": tcb_signature,
                "qe_identity_issuer_chain": _chain(identity, "sgx-enclave-identity-issuer-chain"),
                "qe_identity": qe_identity,
                "qe_identity_signature": qe_signature,
            }
        )
        read_collateral(data)
    except EvidenceMalformed as error:
        raise FetchError(f"{source.name} serves no collateral: {error}") from None
    return data


@dataclass(frozen=True, slots=True)
class _Source:
    base: str
    roots: Path | None

    @property
    def name(self) -> str:
        try:
            return urlsplit(self.base).hostname or "The source"
        except ValueError:
            return "The source"

    @property
    def local(self) -> bool:
        return is_loopback(self.name)

    def ask(self, path: str) -> Response:
        return self._good(self._get(f"{self.base}{path}"))

    def root_crl(self) -> Response:
        """Get the root's list; from Intel, where its certificate says it is, if a PCCS has none.

        Not for a server on this machine: that may stand in for Intel, with a root of its own.
        """
        if self.base == INTEL:
            return self._good(get(INTEL_ROOT_CRL, limit=LIMIT, roots=self.roots))
        response = self._get(f"{self.base}/sgx/certification/v4/rootcacrl")
        if response.status == _NOT_FOUND and not self.local:
            return self._good(get(INTEL_ROOT_CRL, limit=LIMIT))
        return self._good(response)

    def _get(self, url: str) -> Response:
        return get(url, limit=LIMIT, roots=self.roots)

    def _good(self, response: Response) -> Response:
        if response.status != _OK:
            url = response.url
            what = urlsplit(url).path
            unknown = response.status == _NOT_FOUND
            raise FetchError(
                f"{self.name} answers {what} with status {response.status}.",
                advice="It does not know this platform." if unknown else "Try again later.",
            )
        return response


def _base(source: str) -> str:
    base = source.rstrip("/")
    for path in _PATHS:
        base = base.removesuffix(path)
    return base


def _chain(response: Response, *names: str) -> str:
    value = next((response.headers[name] for name in names if name in response.headers), None)
    if value is None:
        raise EvidenceMalformed(f"An answer has no header {names[0]}.")
    return unquote(value)


def _der(response: Response) -> bytes:
    """Take a revocation list as it is, or out of the hex in which a PCCS may write it."""
    body = response.body
    if body[:1] == bytes([_DER]):
        return body
    return from_hex(body.strip().decode("latin-1"), "A revocation list")


def _signed(body: bytes, name: str) -> tuple[str, bytes]:
    """Take a statement apart: the exact text that is signed, and its signature."""
    value = read_object(body, f"The answer with {name}", limit=LIMIT)
    if not isinstance(value.get(name), dict):
        raise EvidenceMalformed(f"An answer has no {name}.")
    return _text_of(body.decode(), name), from_hex(value.get("signature"), "A signature")


def _text_of(text: str, wanted: str) -> str:
    """Cut a member's value out of an object that was read before, character by character.

    A signature is over this very text: parsed and written again it may not fit.
    """
    return next(value for name, value in _members(text) if name == wanted)


def _members(text: str) -> Iterator[tuple[str, str]]:
    decoder = json.JSONDecoder()
    at = text.index("{") + 1
    while (quoted := text.find('"', at)) >= 0:
        name, end = decoder.raw_decode(text, quoted)
        start = _skip(text, text.index(":", end) + 1)
        _, at = decoder.raw_decode(text, start)
        yield name, text[start:at]


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
