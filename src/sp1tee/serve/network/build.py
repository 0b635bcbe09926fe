"""Assembly of the network half of a server."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sp1tee.errors import ConfigError, SigningKeyError
from sp1tee.serve.accounts import Accounts
from sp1tee.serve.admission import Admission, AdmissionRules
from sp1tee.serve.artifact_store import ArtifactStoreServicer, UploadRules
from sp1tee.serve.last_words import LastWords
from sp1tee.serve.network import Network, Runner
from sp1tee.serve.network.channel import Answered
from sp1tee.serve.network.registrations import Registrations
from sp1tee.serve.network.standalone import Standalone
from sp1tee.serve.programs import ProgramShelf
from sp1tee.serve.prover_network import ProverNetworkServicer
from sp1tee.serve.quota import ByteQuota, Quota, QuotaRules
from sp1tee.serve.settings import ServeSettings
from sp1tee.serve.sweeper import Sweeper
from sp1tee.serve.view import StatusView
from sp1tee.store.records import Capability
from sp1tee.store.store import Store
from sp1tee.wire.signing import Address, Signer, parse_address

NOBODY = Address(bytes(19) + b"\x01")
"""Whom a stand-alone server without a key names as the fulfiller."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class NetworkRoom:
    """Everything behind the two public gRPC services.

    Register with `prover.add_to(server)` and `artifacts.add_to(server)`, where `server` is a
    `GrpcBridge` or a `grpc.aio.Server`: replies are already encoded, so grpcio's generated
    functions do not fit. Start every runner, cancel them at shutdown, then `await aclose()`.
    """

    network: Network
    prover: ProverNetworkServicer
    artifacts: ArtifactStoreServicer
    runners: tuple[Runner, ...]

    async def aclose(self) -> None:
        """Close connections."""
        await self.network.aclose()


def build_network(
    settings: ServeSettings,
    store: Store,
    *,
    public_url: str,
    capabilities: Callable[[], Iterable[Capability]],
    clock: Clock | None = None,
    last_words: LastWords | None = None,
    upstream_answered: Answered | None = None,
    leases_lost: Callable[[int], None] | None = None,
) -> NetworkRoom:
    """Build the network that `settings` name, and the servicers in front of it.

    Call it inside the event loop that serves.

    Args:
        settings: the server's settings.
        store: the open store; the network listens to its changes.
        public_url: the public listener's origin without a trailing slash.
        capabilities: what the live workers can prove; empty when none is known.
        clock: Unix seconds; by default those that the store goes by.
        last_words: what failed programs printed; workers' side fills it.
        upstream_answered: told of the method and the status of every call upstream that is over.
        leases_lost: told how many leases of silent workers ended.

    Raises:
        ConfigError: a setting is unusable, the fulfiller's key for one.
    """
    clock = clock or store.clock
    view = StatusView(
        store,
        proof_base=f"{public_url}/proofs/",
        text_replies=settings.failure_replies == "text",
        last_words=last_words,
    )
    accounts = _accounts(settings)
    network, runners = _network(
        settings, store, view, accounts, clock=clock, answered=upstream_answered
    )
    return _in_front(
        settings,
        store,
        accounts,
        network,
        (Sweeper(store, leases_lost), *runners),
        public_url=public_url,
        capabilities=capabilities,
        clock=clock,
    )


def _network(
    settings: ServeSettings,
    store: Store,
    view: StatusView,
    accounts: Accounts,
    *,
    clock: Clock,
    answered: Answered | None,
) -> tuple[Network, tuple[Runner, ...]]:
    signer = _signer(settings)
    if settings.network == "standalone":
        address = signer.address if signer is not None else NOBODY
        quota = ByteQuota(store, settings.max_requester_bytes)
        shelf = ProgramShelf(store, settings.max_program_bytes, quota)
        registrations = Registrations(store, shelf, shared=accounts.are_chosen, clock=clock)
        return Standalone(store, view, registrations, address=address, clock=clock), ()
    if signer is None:
        raise ConfigError("Settling upstream takes a key.", advice="Set fulfiller_key_file.")
    # Most servers stand alone and start faster without what fetches over the network.
    from sp1tee.serve.network.build_upstream import build_upstream  # noqa: PLC0415 - see above

    shelf = ProgramShelf(store, settings.max_program_bytes)
    return build_upstream(
        settings, store, view, shelf, signer=signer, clock=clock, answered=answered
    )


def _accounts(settings: ServeSettings) -> Accounts:
    token = settings.bearer_token
    return Accounts(
        [parse_address(text) for text in settings.allow_requesters],
        token.get_secret_value() if token is not None else None,
    )


def _in_front(
    settings: ServeSettings,
    store: Store,
    accounts: Accounts,
    network: Network,
    runners: tuple[Runner, ...],
    *,
    public_url: str,
    capabilities: Callable[[], Iterable[Capability]],
    clock: Clock,
) -> NetworkRoom:
    quota = Quota(
        store,
        QuotaRules(
            max_open_uploads=settings.max_open_requests,
            max_open_requests=settings.max_open_requests,
            max_bytes=settings.max_requester_bytes,
        ),
    )
    admission = Admission(
        AdmissionRules(settings.taken_strategies, settings.max_deadline_s),
        store.artifacts,
        capabilities,
        clock,
    )
    prover = ProverNetworkServicer(
        network,
        accounts,
        admission,
        quota,
        store.requests,
        public_lists=settings.public_lists,
    )
    rules = UploadRules(public_url, settings.upload_ttl_s)
    artifacts = ArtifactStoreServicer(
        network, accounts, quota, store.artifacts, rules=rules, clock=clock
    )
    return NetworkRoom(network, prover, artifacts, runners)


def _signer(settings: ServeSettings) -> Signer | None:
    if settings.fulfiller_key is None:
        return None
    try:
        return Signer.from_hex(settings.fulfiller_key.get_secret_value())
    except SigningKeyError as error:
        raise ConfigError(f"fulfiller_key: {error.message}", advice=error.advice) from None
