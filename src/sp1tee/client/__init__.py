"""The requester: register a program, send an input, wait for its proof, check what it claims.

    from sp1tee.client import Order, Program, Requester, raw_buffers, read_key

    program = Program.read(Path("fibonacci.elf"))
    with Requester.at("https://prover.example.org", read_key(Path("key"))) as requester:
        received = requester.prove(program, raw_buffers([b"secret"]), Order(mode=Mode.GROTH16))
    received.save(Path("proof.bin"))

Everything here blocks. Errors are those of `sp1tee.errors`.
"""

from sp1tee.client.endpoint import Endpoint
from sp1tee.client.inputs import Source, piped_stdin, raw_buffers, saved_stdin
from sp1tee.client.keyfile import new_key, read_key
from sp1tee.client.order import Order, SdkDialect, Strategy
from sp1tee.client.patience import Patience
from sp1tee.client.program import Program
from sp1tee.client.progress import Progress
from sp1tee.client.received import Expected, Received
from sp1tee.client.requester import Requester, Ticket
from sp1tee.client.session import Session
from sp1tee.client.status import Execution, Fulfillment, Status
from sp1tee.client.waiting import wait
from sp1tee.wire.modes import Mode

__all__ = [
    "Endpoint",
    "Execution",
    "Expected",
    "Fulfillment",
    "Mode",
    "Order",
    "Patience",
    "Program",
    "Progress",
    "Received",
    "Requester",
    "SdkDialect",
    "Session",
    "Source",
    "Status",
    "Strategy",
    "Ticket",
    "new_key",
    "piped_stdin",
    "raw_buffers",
    "read_key",
    "saved_stdin",
    "wait",
]
