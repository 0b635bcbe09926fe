"""What a user of the Rust SDK can do, where, and what comes of it.

Every `Row` is one run of the unmodified SDK 6.10 against real processes, and one test: `PROVED` and
`MOCKED` in test_proofs.py, `REFUSED` in test_refusals.py. README.md has the whole matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import Any, Final

TOKEN: Final = "a-token-for-requesters"
"""What the guarded place wants to be shown."""

KEY: Final = "11" * 32
"""Whom the guarded place serves, and who the client is unless it is told."""

STRANGER: Final = "22" * 32

CYCLES: Final = 5574
GAS: Final = 6232
"""What a run of the sample program costs, by SP1's own executor."""

HOUR: Final = 3600
"""When requests are due: far beyond a test's patience, so whatever ends has not waited for it."""


@dataclass(frozen=True)
class Row:
    """One run of the SDK.

    Attributes:
        name: the test's.
        place: which service it asks, of places.py.
        told: what its user reads: at the end of the output, or in the error.
        client: how the SDK is set up, a command of sdk-client.
        mode: the kind of proof.
        task: what is to be proved, of tasks.py.
        flags: further arguments.
        variables: its environment.
        seconds: how long the proof may take.
        native: whether the place needs sp1tee-prover for it.
    """

    name: str
    place: str
    told: str
    client: str = "reserved"
    mode: str = "core"
    task: str = "sample"
    flags: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    seconds: int = HOUR
    native: bool = False

    def arguments(self, url: str, elf: str, stdin: str) -> list[str]:
        if self.client == "environment":
            return [self.client, elf, stdin, self.mode]
        return [self.client, url, elf, stdin, self.mode, str(self.seconds), *self.flags]

    def environment(self, url: str) -> dict[str, str]:
        named = {"NETWORK_RPC_URL": url} if self.client == "environment" else {}
        return {"NETWORK_PRIVATE_KEY": KEY, **named, **self.variables}


def guarded(name: str, told: str, **more: Any) -> Row:
    """A run with the token that the guarded place wants."""
    variables = {"SP1TEE_TOKEN": TOKEN, **more.pop("variables", {})}
    return Row(name, "guarded", told, variables=variables, **more)


# --- proofs ------------------------------------------------------------------------------------

VERIFIED: Final = "verified"
NOT_VERIFIED: Final = "not verified: "

BUILDERS: Final = {
    "reserved": "reserved",
    "private stdin": "private-stdin",
    "hosted": "hosted",
    "auction": "mainnet",
}
# Without the SDK's feature reserved-capacity, as sdk-client is built, `network` is an auction; with
# it, it would send what `hosted` sends, but simulate first.
ENVIRONMENTS: Final = ("network", "hosted")

# Core proofs are asked for after a simulation, compressed ones without.
MODES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"core": (), "compressed": ("--skip-simulation",)}
)
BEHIND: Final = ("standalone", "upstream")

PROVED: Final = [
    *(
        Row(f"{name}, {mode}, {place}", place, VERIFIED, client, mode, flags=flags)
        for (name, client), (mode, flags), place in product(BUILDERS.items(), MODES.items(), BEHIND)
    ),
    *(
        Row(
            f"SP1_PROVER={prover}, {mode}, {place}",
            place,
            VERIFIED,
            "environment",
            mode,
            variables={"SP1_PROVER": prover},
        )
        for prover, mode, place in product(ENVIRONMENTS, MODES, BEHIND)
    ),
    Row(
        "limits that just do",
        "standalone",
        VERIFIED,
        flags=("--cycle-limit", str(CYCLES), "--gas-limit", str(GAS)),
    ),
    guarded("the right token", VERIFIED),
]

MOCKED: Final = [
    Row("reserved, plonk, mock", "mocks", NOT_VERIFIED, mode="plonk"),
    Row("reserved, groth16, mock", "mocks", NOT_VERIFIED, mode="groth16"),
    Row("hosted, plonk, mock", "mocks", NOT_VERIFIED, "hosted", "plonk"),
    Row("auction, groth16, mock", "mocks", NOT_VERIFIED, "mainnet", "groth16"),
]

# --- refusals ----------------------------------------------------------------------------------

UNEXECUTABLE: Final = "is unexecutable"
UNFULFILLABLE: Final = "is unfulfillable"

LOW_CYCLES: Final = ("--cycle-limit", str(CYCLES - 1), "--gas-limit", str(GAS))
LOW_GAS: Final = ("--cycle-limit", str(CYCLES), "--gas-limit", str(GAS - 1))
UNSIMULATED: Final = ("--skip-simulation",)

WHO_ASKS: Final = [
    Row("no token", "guarded", "This server asks for a bearer token, and the call has none."),
    guarded("a wrong token", "is not the one", variables={"SP1TEE_TOKEN": TOKEN[::-1]}),
    guarded(
        "a requester who is not on the list",
        "is not served here",
        variables={"NETWORK_PRIVATE_KEY": STRANGER},
    ),
]

WHAT_IS_ASKED: Final = [
    guarded("a kind of proof that nobody makes", "make: sp1-v6.1.0 (core).", mode="groth16"),
    guarded("an input too large", "HTTP 413", task="large"),
    Row("no time at all", "standalone", "The deadline has passed.", seconds=0),
]

# A simulation takes a program that exits with another code than 0 for a good one; only a server
# stops it.
WHAT_THE_PROGRAM_DOES: Final = [
    Row("too few cycles", "standalone", UNEXECUTABLE, flags=LOW_CYCLES),
    Row("too few cycles, upstream", "upstream", UNEXECUTABLE, flags=LOW_CYCLES),
    guarded("too few cycles, in words", "more than 5573", flags=LOW_CYCLES),
    Row("too little gas", "standalone", UNEXECUTABLE, flags=LOW_GAS, native=True),
    Row("a program that gives up", "standalone", UNEXECUTABLE, task="exit 7"),
    Row("a program that gives up, upstream", "upstream", UNEXECUTABLE, "hosted", task="exit 7"),
    guarded("a program that gives up, in words", "ended with exit code 7", task="exit 7"),
    Row("a program that traps", "standalone", UNEXECUTABLE, task="trap", flags=UNSIMULATED),
    Row("a program that traps, simulated", "standalone", "Program simulation failed", task="trap"),
]

WHAT_THE_PROVER_DOES: Final = [
    Row("another verifying key", "standalone", UNFULFILLABLE, task="another"),
    Row("another verifying key, upstream", "upstream", UNFULFILLABLE, task="another"),
    Row("another verifying key, auction", "standalone", UNFULFILLABLE, "mainnet", task="another"),
    Row("a proof of other public values", "liar", "public values"),
    Row("a proof with a bit turned", "liar", "SP1's verifier", mode="compressed", native=True),
]

REFUSED: Final = [*WHO_ASKS, *WHAT_IS_ASKED, *WHAT_THE_PROGRAM_DOES, *WHAT_THE_PROVER_DOES]
