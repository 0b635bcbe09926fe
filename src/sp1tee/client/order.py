"""What a requester asks for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sp1tee.errors import ConfigError
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import Family

UNLIMITED: Final = (1 << 64) - 1
"""What the SDK sends as a limit when it leaves limits to the server."""

_U64 = 1 << 64


class SdkDialect(StrEnum):
    """Which SDK's messages a request is written in.

    AUTO takes 5 for a v5 program. For a v6 program it takes 6, and 6-mainnet only where the
    server refuses that and runs an auction.
    """

    AUTO = "auto"
    V5 = "5"
    V6 = "6"
    V6_MAINNET = "6-mainnet"


class Strategy(StrEnum):
    """Who proves; the names of the network's ``FulfillmentStrategy``."""

    HOSTED = "hosted"
    RESERVED = "reserved"
    AUCTION = "auction"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much work a request may cost at most.

    Attributes:
        cycles: instructions.
        gas: prover gas; 0 means that the cycle limit counts.
    """

    cycles: int
    gas: int


# What the SDK sends when it neither simulates nor is told.
_DEFAULT_LIMITS: Final = {
    Strategy.HOSTED: Limits(UNLIMITED, UNLIMITED),
    Strategy.RESERVED: Limits(100_000_000, 1_000_000_000),
    Strategy.AUCTION: Limits(1_000_000_000_000, 1_000_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a requester asks for, beside the program and its input.

    Attributes:
        mode: the kind of proof.
        dialect: which SDK's messages to write it in.
        strategy: who proves. In an auction it is AUCTION, whatever stands here.
        cycle_limit: at most so many instructions; None for the SDK's own default.
        gas_limit: at most so much gas; None likewise.
        timeout_s: how long the request is worth waiting for: its deadline, from now.
        private_stdin: ask for private storage of the input by the SDK's own switch (v6). A private
            server keeps every input private, with or without it.
        public_values_hash: SHA-256 of the public values, if an execution told them before.
    """

    mode: Mode = Mode.CORE
    dialect: SdkDialect = SdkDialect.AUTO
    strategy: Strategy = Strategy.RESERVED
    cycle_limit: int | None = None
    gas_limit: int | None = None
    timeout_s: int = 14_400
    private_stdin: bool = False
    public_values_hash: bytes | None = None

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.cycle_limit, self.gas_limit) if limit is not None]
        if not all(0 <= limit < _U64 for limit in limits):
            raise ConfigError("A limit is negative or has more than 64 bits.")
        if self.timeout_s <= 0:
            raise ConfigError("The timeout is not a positive number of seconds.")

    def limits(self, strategy: Strategy) -> Limits:
        """Return the limits to send: those asked for, else what the SDK would send."""
        default = _DEFAULT_LIMITS[strategy]
        return Limits(
            default.cycles if self.cycle_limit is None else self.cycle_limit,
            default.gas if self.gas_limit is None else self.gas_limit,
        )

    def dialect_for(self, family: Family) -> SdkDialect:
        """Choose the dialect for a program of a family; for AUTO the first one to try.

        Raises:
            ConfigError: the dialect, or what is asked for, does not exist for this family.
        """
        if self.dialect is SdkDialect.AUTO:
            chosen = SdkDialect.V5 if family is Family.V5 else SdkDialect.V6
        else:
            chosen = self.dialect
        if (chosen is SdkDialect.V5) != (family is Family.V5):
            raise ConfigError(
                f"Dialect {chosen} does not go with a program of SP1 {family}.",
                advice="Leave --dialect out: the program's format decides.",
            )
        if self.private_stdin and family is Family.V5:
            raise ConfigError(
                "SP1 v5 has no switch for private inputs.",
                advice="Leave --private-stdin out: a private server keeps every input private.",
            )
        return chosen
