"""Sending a request: program, input, request, in the order in which the SDK sends them."""

from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

from sp1tee.client.bodies import Demand, program_body, request_body, seal
from sp1tee.client.endpoint import Endpoint
from sp1tee.client.inputs import Source
from sp1tee.client.order import Order, SdkDialect, Strategy
from sp1tee.client.parcel import Parcel
from sp1tee.client.patience import Patience
from sp1tee.client.program import Program
from sp1tee.client.progress import Progress
from sp1tee.client.received import Expected, Received
from sp1tee.client.rpc import ArtifactKind
from sp1tee.client.session import Session
from sp1tee.client.upload import Upload
from sp1tee.client.waiting import wait
from sp1tee.errors import ServerRefusal, VerifyingKeyMissing
from sp1tee.wire.signing import Signer
from sp1tee.wire.verifier import Verifier
from sp1tee.wire.versions import latest

_REGISTERED: Final = "ALREADY_EXISTS"
_NOT_UNDERSTOOD: Final = frozenset({"INVALID_ARGUMENT", "UNIMPLEMENTED"})


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that a server has taken.

    Attributes:
        request_id: the server's name for it, 32 bytes.
        deadline: when it ends, Unix seconds.
        expected: what its proof should prove.
    """

    request_id: bytes
    deadline: int
    expected: Expected


class Requester:
    """Somebody with a key who asks one server for proofs.

    Use it as a context manager, or call `close`. It may not be shared between threads.
    """

    def __init__(self, session: Session, signer: Signer, judge: Verifier | None = None) -> None:
        self.session = session
        self._signer = signer
        self._judge = judge

    @classmethod
    def at(
        cls,
        server: Endpoint | str,
        signer: Signer,
        *,
        patience: Patience | None = None,
        progress: Progress | None = None,
        judge: Verifier | None = None,
    ) -> Self:
        """Prepare to ask a server; nothing is sent yet.

        Args:
            server: its address.
            signer: the key that signs requests.
            patience: how long steps are repeated.
            progress: who is told.
            judge: SP1's verifier, which then judges every proof (`sp1tee.native.judge.Judge`); it
                stays the caller's to close.

        Raises:
            ConfigError: the address is not one.
            CleartextRefused: it is neither https nor on this machine.
        """
        endpoint = Endpoint.parse(server) if isinstance(server, str) else server
        return cls(Session.open(endpoint, patience=patience, progress=progress), signer, judge)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def prove(self, program: Program, stdin: Source, order: Order) -> Received:
        """Request a proof and wait for it; raises what `request` and `wait` raise."""
        return self.wait(self.request(program, stdin, order))

    def wait(self, ticket: Ticket) -> Received:
        """Wait for a request's proof until its deadline; see `sp1tee.client.wait`."""
        return wait(self.session, ticket.request_id, expected=ticket.expected, judge=self._judge)

    def request(self, program: Program, stdin: Source, order: Order) -> Ticket:
        """Register the program if need be, upload the input and request the proof.

        Raises:
            ConfigError: the order does not fit the program.
            VerifyingKeyMissing: the program must be registered and its key is not known.
            InputFileError: the program or the input cannot be read.
            ServerRefusal: the server does not want the program, the input or the request.
            Unreachable: patience is at its end.
        """
        dialect = order.dialect_for(program.family)
        self.register(program)
        self._step("packing the input")
        parcel = Parcel(stdin, program.family)
        deadline = int(self.session.clock()) + order.timeout_s
        kind = ArtifactKind.PRIVATE_STDIN if order.private_stdin else ArtifactKind.STDIN
        uri = Upload(self.session, self._signer, kind, parcel, "the input").run()
        self._step("requesting the proof")
        demand = _demand(program, order, stdin_uri=uri, deadline=deadline)
        request_id = self._order(demand, order, dialect)
        expected = Expected(demand.vk_hash, demand.mode, demand.version.circuit, program.whole_key)
        return Ticket(request_id, deadline, expected)

    def register(self, program: Program) -> None:
        """Upload and register a program, unless the server knows it; raises as `request`."""
        calls = self.session.calls
        self._step("looking the program up")
        if self.session.repeat(lambda: calls.knows_program(program.vk_hash)):
            return
        if program.vk is None:
            raise VerifyingKeyMissing("The server does not know this program yet.")
        parcel = Parcel(program.elf, program.family)
        kind = ArtifactKind.PROGRAM
        uri = Upload(self.session, self._signer, kind, parcel, "the program").run()
        self._step("registering the program")
        self.session.repeat(lambda: self._create_program(program, uri))

    def _create_program(self, program: Program, uri: str) -> None:
        calls = self.session.calls
        body = program_body(
            calls.nonce(self._signer),
            vk_hash=program.vk_hash,
            vk=program.vk or b"",
            program_uri=uri,
        )
        try:
            calls.create_program(seal(body, self._signer))
        except ServerRefusal as refusal:
            # By somebody else meanwhile, or by an attempt of ours whose answer was lost.
            if refusal.status != _REGISTERED:
                raise

    def _order(self, demand: Demand, order: Order, dialect: SdkDialect) -> bytes:
        if dialect is SdkDialect.V6_MAINNET:
            return self._order_at_auction(demand, order)
        try:
            return self.session.repeat(lambda: self._request_proof(demand))
        except ServerRefusal as refusal:
            if order.dialect is not SdkDialect.AUTO or not _wants_an_auction(refusal, dialect):
                raise
            return self._order_again(demand, order, refusal)

    def _order_again(self, demand: Demand, order: Order, refusal: ServerRefusal) -> bytes:
        self._step("requesting the proof at auction")
        try:
            return self._order_at_auction(demand, order)
        except ServerRefusal as second:
            # Where there is no auction, the first refusal is the one that means something.
            raise (refusal if second.status == "UNIMPLEMENTED" else second) from None

    def _order_at_auction(self, demand: Demand, order: Order) -> bytes:
        market = self.session.repeat(lambda: self.session.calls.market(demand.mode))
        bid = replace(
            demand,
            strategy=Strategy.AUCTION,
            limits=order.limits(Strategy.AUCTION),
            public_values_hash=order.public_values_hash,
            market=market,
        )
        return self.session.repeat(lambda: self._request_proof(bid))

    def _request_proof(self, demand: Demand) -> bytes:
        """Nonce, signature and call are one unit: a repeated call needs a fresh nonce."""
        body = request_body(self.session.calls.nonce(self._signer), demand)
        return self.session.calls.request_proof(seal(body, self._signer))

    def _step(self, text: str) -> None:
        self.session.progress.step(text)


def _demand(program: Program, order: Order, *, stdin_uri: str, deadline: int) -> Demand:
    return Demand(
        vk_hash=program.vk_hash,
        version=latest(program.family),
        mode=order.mode,
        strategy=order.strategy,
        stdin_uri=stdin_uri,
        deadline=deadline,
        limits=order.limits(order.strategy),
        private_stdin=order.private_stdin,
    )


def _wants_an_auction(refusal: ServerRefusal, dialect: SdkDialect) -> bool:
    """Tell whether another dialect may help.

    A server of ours speaks both and gives each refusal a code: it means what it says.
    """
    understood = refusal.status not in _NOT_UNDERSTOOD or refusal.server_code
    return dialect is SdkDialect.V6 and not understood
