"""The network's state: accounts, programs, requests. Every change to it is made here.

Nothing here waits: between two `await`s of the server a call is applied whole or not at all. Time
passes when somebody looks: every call first does what has become due (`tick`).
"""

import hashlib
from collections.abc import Callable, Iterable

from sp1tee.errors import NetworkRefusal
from sp1tee.sim.network.accounts import Accounts
from sp1tee.sim.network.agenda import Agenda
from sp1tee.sim.network.ledger import Call, Entry, Kind, Ledger
from sp1tee.sim.network.policy import Policy
from sp1tee.sim.network.requests import Failure, Program, Request, RequestBody
from sp1tee.sim.network.strict import Signed
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import Address, keccak256

HASH_SIZE = 32

FulfillBody = types_pb2.FulfillProofRequestBody | auction_pb2.FulfillProofRequestBody
FailBody = types_pb2.FailFulfillmentRequestBody | auction_pb2.FailFulfillmentRequestBody
StdinBody = types_pb2.GetStdinUriRequestBody | auction_pb2.GetStdinUriRequestBody


class Book:
    """Accounts, programs and requests.

    Args:
        policy: whom requests are assigned to; may be replaced at any time.
        clock: Unix seconds.
        entropy: makes random bytes of a length; ids come from it.
    """

    def __init__(
        self, policy: Policy, *, clock: Callable[[], float], entropy: Callable[[int], bytes]
    ) -> None:
        self.policy = policy
        self.ledger = Ledger()
        self.accounts = Accounts(policy.stale_nonce)
        self._clock = clock
        self._entropy = entropy
        self._programs: dict[bytes, Program] = {}
        self._requests: dict[bytes, Request] = {}
        self._planned: dict[bytes, Address] = {}
        self._assignments = Agenda()
        self._deadlines = Agenda()

    @property
    def now(self) -> int:
        """The network's time, Unix seconds."""
        return int(self._clock())

    def new_hash(self) -> bytes:
        """Make up a transaction hash."""
        return self._entropy(HASH_SIZE)

    def burn_nonce(self, account: Address) -> None:
        """Let somebody else use an account's next nonce."""
        self.accounts.skip(account)
        self.ledger.append(Entry(at=self._clock(), kind=Kind.NONCE_BURNT, account=account))

    def program(self, vk_hash: bytes) -> Program:
        """Find a program.

        Raises:
            NetworkRefusal: nobody registered it.
        """
        try:
            return self._programs[vk_hash]
        except KeyError:
            raise NetworkRefusal("program not found", status="NOT_FOUND") from None

    def adopt(self, program: Program) -> None:
        """Have a program without anybody's call, as if it had always been there."""
        self._programs[program.vk_hash] = program

    def register(self, signed: Signed[types_pb2.CreateProgramRequestBody]) -> None:
        """Register a program."""
        body = signed.body
        if body.vk_hash in self._programs:
            raise NetworkRefusal("program already exists", status="ALREADY_EXISTS")
        self._programs[body.vk_hash] = Program(
            vk_hash=body.vk_hash,
            vk=body.vk,
            uri=body.program_uri,
            owner=signed.signer,
            created_at=self.now,
        )
        self.ledger.append(
            Entry(
                at=self._clock(),
                kind=Kind.REGISTERED,
                call=self.accounts.use(signed),
                vk_hash=body.vk_hash,
            )
        )

    def request(self, request_id: bytes) -> Request:
        """Find a request.

        Raises:
            NetworkRefusal: there is none of this id.
        """
        try:
            return self._requests[request_id]
        except KeyError:
            raise NetworkRefusal("proof request not found", status="NOT_FOUND") from None

    def requests(self) -> Iterable[Request]:
        """Return all requests, newest first."""
        return reversed(self._requests.values())

    def open(self, signed: Signed[RequestBody]) -> Request:
        """Accept a request and, unless assignment is late, assign it."""
        program, now = self.program(signed.body.vk_hash), self.now
        request = Request(
            id=self._request_id(signed),
            tx_hash=self.new_hash(),
            requester=signed.signer,
            body=signed.body,
            program_uri=program.uri,
            created_at=now,
            updated_at=now,
        )
        self._requests[request.id] = request
        self._write_about(request, Kind.REQUESTED, call=self.accounts.use(signed))
        self._plan_assignment(request)
        return self.request(request.id)

    def assign(self, request_id: bytes, fulfiller: Address) -> None:
        """Assign a request that nobody has yet."""
        request = self._in_state(request_id, types_pb2.REQUESTED)
        self._planned.pop(request_id, None)
        self._requests[request_id] = request.assigned(fulfiller, self.now)
        self._deadlines.add(request.deadline, request_id)
        self._write_about(request, Kind.ASSIGNED, account=fulfiller)

    def check_assigned(self, request_id: bytes, signer: Address) -> Request:
        """Return a request that `signer` may fulfil or fail now.

        Raises:
            NetworkRefusal: it is somebody else's, or not waiting for a proof.
        """
        if self.request(request_id).fulfiller != signer:
            raise NetworkRefusal("signer is not the fulfiller", status="PERMISSION_DENIED")
        return self._in_state(request_id, types_pb2.ASSIGNED)

    def fulfill(
        self, signed: Signed[FulfillBody], *, proof_uri: str, public_values: bytes
    ) -> bytes:
        """Accept a checked proof, stored at `proof_uri`; return the transaction's hash."""
        request = self._in_state(signed.body.request_id, types_pb2.ASSIGNED)
        tx_hash = self.new_hash()
        self._replace(
            request.fulfilled(
                proof_uri=proof_uri, public_values=public_values, tx_hash=tx_hash, now=self.now
            )
        )
        self._write_about(
            request,
            Kind.FULFILLED,
            call=self.accounts.use(signed),
            account=signed.signer,
            proof_sha256=hashlib.sha256(signed.body.proof).digest(),
        )
        return tx_hash

    def fail(self, signed: Signed[FailBody], error: Failure) -> None:
        """Accept that the fulfiller gives a request up."""
        request = self._in_state(signed.body.request_id, types_pb2.ASSIGNED)
        self._replace(request.failed(error, self.now))
        call = self.accounts.use(signed)
        self._write_about(request, Kind.FAILED, call=call, account=signed.signer, error=error)

    def cancel(self, signed: Signed[auction_pb2.CancelRequestRequestBody]) -> None:
        """Accept that the requester takes a request back that nobody has yet."""
        request = self._in_state(signed.body.request_id, types_pb2.REQUESTED)
        self._planned.pop(request.id, None)
        self._replace(request.taken_back(self.now))
        self._write_about(request, Kind.CANCELLED, call=self.accounts.use(signed))

    def disclose(self, signed: Signed[StdinBody]) -> None:
        """Note that somebody was shown where a private input is."""
        request = self.request(signed.body.request_id)
        self._write_about(request, Kind.DISCLOSED, call=self.accounts.use(signed))

    def tick(self) -> None:
        """Do what has become due: late assignments first, then passed deadlines."""
        now = self._clock()
        for request_id in self._assignments.due(now):
            if (fulfiller := self._planned.get(request_id)) is not None:
                self.assign(request_id, fulfiller)
        for request_id in self._deadlines.due(now):
            request = self._requests[request_id]
            if request.status == types_pb2.ASSIGNED:
                self._replace(request.expired(self.now))
                self._write_about(request, Kind.EXPIRED, account=request.fulfiller)

    def _plan_assignment(self, request: Request) -> None:
        fulfiller, delay = self.policy.choose(request.body), self.policy.delay_s
        if fulfiller is not None and delay is not None:
            self._planned[request.id] = fulfiller
            self._assignments.add(self._clock() + delay, request.id)
            self.tick()

    def _request_id(self, signed: Signed[RequestBody]) -> bytes:
        """Name a request: on mainnet by its content, elsewhere the rule is not known."""
        if isinstance(signed.body, auction_pb2.RequestProofRequestBody):
            return keccak256(signed.signer, signed.encoded)
        return self._entropy(HASH_SIZE)

    def _in_state(
        self, request_id: bytes, state: "types_pb2.FulfillmentStatus.ValueType"
    ) -> Request:
        request = self.request(request_id)
        if request.status != state:
            name = types_pb2.FulfillmentStatus.Name(state).lower()
            raise NetworkRefusal(
                f"proof request is not in the {name} state", status=self.policy.wrong_state
            )
        return request

    def _replace(self, request: Request) -> None:
        self._requests[request.id] = request

    def _write_about(
        self,
        request: Request,
        kind: Kind,
        *,
        call: Call | None = None,
        account: Address | None = None,
        proof_sha256: bytes | None = None,
        error: int | None = None,
    ) -> None:
        self.ledger.append(
            Entry(
                at=self._clock(),
                kind=kind,
                call=call,
                request_id=request.id,
                vk_hash=request.body.vk_hash,
                account=account,
                proof_sha256=proof_sha256,
                error=error,
            )
        )
