"""Assembly of a network that settles upstream."""

from collections.abc import Callable

from sp1tee.errors import ConfigError
from sp1tee.serve.fetch import Fetcher
from sp1tee.serve.network import Runner
from sp1tee.serve.network.account import FulfillerAccount
from sp1tee.serve.network.channel import Answered, Upstream
from sp1tee.serve.network.intake import Intake
from sp1tee.serve.network.own import OwnAddresses
from sp1tee.serve.network.polling import UpstreamStatuses
from sp1tee.serve.network.registrar import Registrar
from sp1tee.serve.network.upstream import UpstreamNetwork
from sp1tee.serve.network.watcher import Watcher
from sp1tee.serve.outbox import Outbox
from sp1tee.serve.program_source import ProgramSource
from sp1tee.serve.programs import ProgramShelf
from sp1tee.serve.settings import ServeSettings
from sp1tee.serve.sources import AllowedSources
from sp1tee.serve.view import StatusView
from sp1tee.store.store import Store
from sp1tee.wire.signing import Signer


def build_upstream(
    settings: ServeSettings,
    store: Store,
    view: StatusView,
    shelf: ProgramShelf,
    *,
    signer: Signer,
    clock: Callable[[], float],
    answered: Answered | None = None,
) -> tuple[UpstreamNetwork, tuple[Runner, ...]]:
    """Build the network and what works in its background.

    Raises:
        ConfigError: a setting is unusable.
    """
    upstream = _connect(settings, answered)
    statuses = UpstreamStatuses(upstream)
    registrar = Registrar(store, upstream)
    watcher = Watcher(store.requests, statuses)
    programs = _program_source(settings, store, shelf, upstream)
    own = OwnAddresses(signer.address, upstream)
    intake = Intake(store, upstream, registrar, programs, own, clock=clock)
    account = FulfillerAccount(signer, upstream)
    outbox = Outbox(store, account, statuses, allow_mock=settings.allow_mock, clock=clock)
    network = UpstreamNetwork(
        upstream,
        store.requests,
        view,
        registrar=registrar,
        statuses=statuses,
        watcher=watcher,
        parts=(intake, programs),
    )
    return network, (intake, watcher, outbox)


def _program_source(
    settings: ServeSettings, store: Store, shelf: ProgramShelf, upstream: Upstream
) -> ProgramSource:
    sources = AllowedSources(settings.program_sources)
    fetcher = Fetcher(sources, s3_region=settings.programs_s3_region)
    return ProgramSource(store.programs, upstream, shelf, fetcher=fetcher, sources=sources)


def _connect(settings: ServeSettings, answered: Answered | None) -> Upstream:
    if settings.upstream_url is None:
        raise ConfigError("The upstream network has no address.", advice="Set upstream_url.")
    if settings.upstream_ca_file is None:
        return Upstream(settings.upstream_url, answered=answered)
    try:
        roots = settings.upstream_ca_file.read_bytes()
    except OSError as error:
        raise ConfigError(f"upstream_ca_file cannot be read: {error.strerror}.") from None
    return Upstream(settings.upstream_url, roots=roots, answered=answered)
