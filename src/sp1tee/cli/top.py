"""`sp1tee top`."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console, RenderableType
from rich.live import Live

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.errors import ConfigError, ServerAway
from sp1tee.settings import read_secret

with extra("serve", "top"):
    from sp1tee.cli.top_view import frame, waiting
    from sp1tee.fulfill.endpoint import ClientCertificate, Endpoint
    from sp1tee.monitoring.look import Look, Rates
    from sp1tee.monitoring.watch import Listener, Watch

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_SERVER_PANEL: Final = "Server"
_TOKEN_FILE: Final = Path("sp1tee-data/worker.token")


def listener(
    *,
    server: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="SP1TEE_FULFILL_SERVER",
            help="The server's worker listener.",
            rich_help_panel=_SERVER_PANEL,
        ),
    ] = "http://127.0.0.1:8081",
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_FULFILL_TOKEN_FILE",
            help="Holds the worker token; by default sp1tee-data/worker.token, and with a "
            "certificate none.",
            rich_help_panel=_SERVER_PANEL,
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_FULFILL_SERVER_CA_FILE",
            help="Certificates (PEM) to trust for this server instead of the public ones.",
            rich_help_panel=_SERVER_PANEL,
        ),
    ] = None,
    client_cert: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_FULFILL_CLIENT_CERT_FILE",
            help="Certificate (PEM) to show to a server that asks for one, instead of a token.",
            rich_help_panel=_SERVER_PANEL,
        ),
    ] = None,
    client_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_FULFILL_CLIENT_KEY_FILE",
            help="The certificate's key (PEM).",
            rich_help_panel=_SERVER_PANEL,
        ),
    ] = None,
) -> Listener:
    """Choose the server; raises `ConfigError`."""
    certificate = _certificate(client_cert, client_key)
    token = None
    if token_file is not None or certificate is None:
        token = _token(token_file or _TOKEN_FILE)
    url = Endpoint.of(server, token, ca_file, certificate).url
    return Listener(url, token, ca_file, certificate)


def _certificate(cert: Path | None, key: Path | None) -> ClientCertificate | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise ConfigError(
            "A client certificate and its key belong together.",
            advice="Give both --client-cert and --client-key.",
        )
    return ClientCertificate(cert, key)


def _token(path: Path) -> str:
    token = read_secret("token_file", path).get_secret_value()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigError(f"The token_file {path} holds what is no worker token.")
    return token


@app.command(
    epilog=examples(
        "# beside `sp1tee serve`, in the same folder",
        "sp1tee top",
        "# one look at a server elsewhere",
        "sp1tee top --once --server https://workers.example.org --token-file /run/secrets/worker",
    )
)
@assembled
def top(
    listener: Annotated[Listener, listener],
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Time between two looks.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, print it and end.")] = False,
) -> None:
    """Watch a server live: requests, workers, rates, refusals.

    Reads what /health/ready and /metrics on the worker listener say, nothing else. Ctrl-C ends it.
    Where there is no terminal, one frame is printed after the other.
    """
    console = Console(highlight=False)
    with Watch(listener) as watch:
        if once:
            console.print(frame(listener.url, Rates(None, watch.look())))
            return
        with _ending(), _shown(console) as live:
            _watch(watch, listener.url, interval, live)


class _Screen:
    """Shows frames: in place on a terminal, one below the other elsewhere."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self._console = console
        self._live = live

    def show(self, drawn: RenderableType) -> None:
        if self._live is None:
            self._console.print(drawn)
            self._console.print()
        else:
            self._live.update(drawn, refresh=True)


@contextmanager
def _shown(console: Console) -> Iterator[_Screen]:
    if not console.is_terminal:
        yield _Screen(console, None)
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield _Screen(console, live)


@contextmanager
def _ending() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block, with the terminal as it was."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


def _watch(watch: Watch, url: str, interval: float, screen: _Screen) -> None:
    before, now = None, None
    while True:
        trouble = ""
        try:
            before, now = now, watch.look()
        except ServerAway as error:
            trouble = error.message
        screen.show(_drawn(url, before, now, trouble))
        time.sleep(interval)


def _drawn(url: str, before: Look | None, now: Look | None, trouble: str) -> RenderableType:
    return waiting(url, trouble) if now is None else frame(url, Rates(before, now), trouble)
