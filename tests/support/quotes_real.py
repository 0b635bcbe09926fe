"""Real quotes and the times at which their collateral is valid (tests/data/attestation)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sp1tee.verify.quote import read_quote

DATA: Final = Path(__file__).parents[1] / "data" / "attestation"


@dataclass(frozen=True)
class RealSet:
    """A quote, its collateral, and the first and last second at which both are valid."""

    name: str
    quote_file: Path
    collateral_file: Path
    first: int
    last: int

    @property
    def raw(self) -> bytes:
        return read_quote(self.quote_file.read_bytes()).raw

    @property
    def collateral(self) -> bytes:
        return self.collateral_file.read_bytes()

    @property
    def middle(self) -> int:
        return (self.first + self.last) // 2


def _set(name: str, quote: str, collateral: str, first: int, last: int) -> RealSet:
    return RealSet(name, DATA / quote, DATA / collateral, first, last)


# At the second of its nextUpdate a revocation list has expired, a TCB info has not: hence `- 1`.
NEAR_2026: Final = _set(
    "near-2026",
    "dstack-near-mpc-2026-08/quote.json",
    "dstack-near-mpc-2026-08/collateral.json",
    1786617938,
    1789171031 - 1,
)
NEAR_2025: Final = _set(
    "near-2025",
    "dstack-near-mpc-2025-10/quote.hex",
    "dstack-near-mpc-2025-10/collateral.json",
    1755605090,
    1758194014 - 1,
)
PHALA: Final = _set(
    "phala-prod8",
    "dstack-phala-prod8-2025-10/quote.json",
    "dstack-phala-prod8-2025-10/collateral.json",
    1756798919,
    1759388631 - 1,
)
SAMPLE: Final = _set(
    "dcap-qvl-sample",
    "dcap-qvl-samples/tdx_quote",
    "dcap-qvl-samples/tdx_quote_collateral.json",
    1750329147,
    1752919235 - 1,
)
V5: Final = _set(
    "version-5",
    "tdx-v5/go-tdx-guest_quote_v5.dat",
    "tdx-v5/collateral-90C06F-2026-02.json",
    1771412331,
    1774003275 - 1,
)
OUT_OF_DATE: Final = _set(
    "out-of-date",
    "tdx-outofdate/automata_quote_tdx_v4.bin",
    "tdx-outofdate/collateral-00806F050000-2025-06.json",
    1750329147,
    1751622698,
)
NO_LEVEL: Final = _set(
    "no-level",
    "dcap-qvl-samples/tdx_quote_outdated",
    "dcap-qvl-samples/tdx_quote_outdated_collateral.json",
    1771412331,
    1774003275 - 1,
)
SERVICE_TD: Final = _set(
    "service-td",
    "tdx-v5/alibaba_quote_v5_service_td.dat",
    "tdx-v5/collateral-90C06F-2026-02.json",
    1771412331,
    1774003275 - 1,
)
DEBUG: Final = _set(
    "debug",
    "tdx-debug/trustee_debug_td_quote_v4.dat",
    "tdx-debug/collateral-2023-06.json",
    1687077778,
    1688801099,
)
SGX: Final = _set(
    "sgx",
    "dcap-qvl-samples/sgx_quote",
    "dcap-qvl-samples/sgx_quote_collateral.json",
    1750330571,
    1752919278 - 1,
)

UP_TO_DATE: Final = (NEAR_2026, NEAR_2025, PHALA, SAMPLE, V5)
GENUINE: Final = (*UP_TO_DATE, OUT_OF_DATE)
ALL: Final = (*GENUINE, NO_LEVEL, SERVICE_TD, DEBUG, SGX)
