"""How a simulated Prover Network is set up."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sp1tee.errors import ConfigError
from sp1tee.sim.network.faults import Fault
from sp1tee.sim.network.policy import RefusalStatus
from sp1tee.wire.signing import Address

MAINNET_DOMAIN = bytes.fromhex("55ea66757c5b1aecda6619905f594b320092db1cf4c8b6f89025c092f0bb7b5b")
"""EIP-712 separator of {name "Succinct Prover Network", version "1.0.0", chainId 1}."""

OWN_PROVER = Address(b"\x50" * 20)
"""Who gets HOSTED requests unless told otherwise: on the real network Succinct's own prover."""

_AUCTIONEER, _EXECUTOR, _VERIFIER, _TREASURY = (Address(bytes([n]) * 20) for n in range(10, 14))


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of a certificate chain and its key, PEM; served on both listeners."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raise `ConfigError` unless the two can be read and belong together."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
        except OSError:
            raise ConfigError(
                f"{self.certificate} and {self.key} are not a certificate and its key.",
                advice="Give two readable PEM files: a chain, leaf first, and the leaf's key.",
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionParams:
    """What GetProofRequestParams tells and an auction body must repeat.

    Attributes:
        domain: 32 bytes.
        auctioneer: 20 bytes, as are the next three.
        executor: who executes requests to check them.
        verifier: who verifies proofs.
        treasury: who collects the fees.
        base_fee: decimal number, in wei of PROVE.
        max_price_per_pgu: decimal number; the SDK adds a fifth and rounds down to `tick_size`.
        tick_size: step of prices.
    """

    domain: bytes = MAINNET_DOMAIN
    auctioneer: Address = _AUCTIONEER
    executor: Address = _EXECUTOR
    verifier: Address = _VERIFIER
    treasury: Address = _TREASURY
    base_fee: str = "0"
    max_price_per_pgu: str = "200000"
    tick_size: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSettings:
    """How a simulated network listens and behaves.

    The two statuses are what the real network answers as far as that is known. A stale nonce is
    ABORTED with a text that names both nonces (seen on mainnet in 2026; UNAVAILABLE before, and
    sp1-cluster still expects both). A call in a wrong state of its request is INVALID_ARGUMENT
    ("request is not in the requested state", sp1-cluster's bidder).

    Attributes:
        listen: host and port of the gRPC listener; port 0 takes a free one.
        artifacts_listen: host and port of the artifact listener.
        tls: certificate and key for both, or None for clear text.
        fulfiller: who is assigned RESERVED and AUCTION requests; None leaves them unassigned.
        hosted_fulfiller: who is assigned HOSTED requests.
        assignment_delay_s: seconds between a request and its assignment; 0 assigns before the
            reply, None not until told.
        auction: parameters of the auction dialect.
        stale_nonce: name of the gRPC status for a nonce other than the account's next.
        wrong_state: name of the gRPC status for a call its request's state does not allow.
        refuse_mocks: whether mock proofs are refused, as the real network refuses them.
        balance: what every account has, decimal, in wei of PROVE.
        bucket: name of the artifact store's bucket.
        upload_ttl_s: seconds for which a presigned URL works.
        max_message_bytes: largest gRPC message taken; a Core proof is several MiB.
        max_artifact_bytes: largest upload taken; everything is kept in memory.
        record: a file to which everything that is heard is appended, byte for byte.
        faults: what goes wrong from the start.
    """

    listen: str = "127.0.0.1:0"
    artifacts_listen: str = "127.0.0.1:0"
    tls: Tls | None = None
    fulfiller: Address | None = None
    hosted_fulfiller: Address | None = OWN_PROVER
    assignment_delay_s: float | None = 0.0
    auction: AuctionParams = field(default_factory=AuctionParams)
    stale_nonce: RefusalStatus = "ABORTED"
    wrong_state: RefusalStatus = "INVALID_ARGUMENT"
    refuse_mocks: bool = False
    balance: str = "1000000000000000000000"
    bucket: str = "spn-artifacts-sim"
    upload_ttl_s: float = 3600.0
    max_message_bytes: int = 64 << 20
    max_artifact_bytes: int = 256 << 20
    record: Path | None = None
    faults: Sequence[Fault] = ()
