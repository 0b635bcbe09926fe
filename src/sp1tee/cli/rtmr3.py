"""`sp1tee rtmr3`."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.key_provider import HELP, key_provider
from sp1tee.cli.render import write_json
from sp1tee.errors import ConfigError, EvidenceMalformed, EvidenceTooLarge

if TYPE_CHECKING:
    from sp1tee.verify.rtmr3 import Chain, Computed

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

SCHEMA: Final = "sp1tee.rtmr3.v1"
NONE: Final = "none"
_KMS: Final = "With a KMS"
_OLD: Final = "dstack 0.3"
_NEW: Final = "dstack 0.6"
_NOT_ALONE: Final = (
    "A docker-compose file alone gives no RTMR3: the whole app-compose.json is measured, of which "
    "it is one field. Take the string tcb_info.app_compose of the guest agent's Info."
)

Inputs = dict[str, list[bytes]]


@app.callback()
def rtmr3() -> None:
    """Work out what a measured boot must give."""


def inputs(
    *,
    app_id: Annotated[str, typer.Option(metavar="HEX", help="20 bytes.")],
    compose_hash: Annotated[
        str | None, typer.Option(metavar="HEX", help="SHA-256 of app-compose.json.")
    ] = None,
    app_compose: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="app-compose.json itself: its bytes are hashed."),
    ] = None,
    instance_id: Annotated[
        str, typer.Option(metavar="HEX", help="20 bytes, or none for `no_instance_id`.")
    ],
    provider: Annotated[
        str | None, typer.Option("--key-provider", metavar="PROVIDER", help=HELP)
    ] = None,
    storage_fs: Annotated[
        Literal["zfs", "ext4"] | None, typer.Option(help="Since dstack 0.5.5.")
    ] = None,
    os_image_hash: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Since dstack 0.5.1.", rich_help_panel=_KMS),
    ] = None,
    mr_kms: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            help="The KMS's aggregated measurement, if it attested itself.",
            rich_help_panel=_KMS,
        ),
    ] = None,
    rootfs_hash: Annotated[
        str | None, typer.Option(metavar="HEX", help="32 bytes.", rich_help_panel=_OLD)
    ] = None,
    ca_cert_hash: Annotated[
        str | None, typer.Option(metavar="HEX", help="32 bytes.", rich_help_panel=_OLD)
    ] = None,
    init_script_hash: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEX", help="SHA-256 of an init script. Repeatable.", rich_help_panel=_NEW
        ),
    ] = None,
    gpu_policy_hash: Annotated[
        str | None, typer.Option(metavar="HEX", help="32 bytes.", rich_help_panel=_NEW)
    ] = None,
    gpu_attestation: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="As dstack writes it.", rich_help_panel=_NEW),
    ] = None,
) -> Inputs:
    """Gather payloads by event name; raises `ConfigError` and `EvidenceFileError`."""
    hexes = {
        "app-id": app_id,
        "instance-id": "" if instance_id == NONE else instance_id,
        "os-image-hash": os_image_hash,
        "mr-kms": mr_kms,
        "rootfs-hash": rootfs_hash,
        "ca-cert-hash": ca_cert_hash,
        "gpu-policy-hash": gpu_policy_hash,
    }
    given = {name: [_hex(name, text)] for name, text in hexes.items() if text is not None}
    given["compose-hash"] = [_compose_hash(compose_hash, app_compose)]
    if init_script_hash:
        given["init-script-hash"] = [_hex("init-script-hash", text) for text in init_script_hash]
    if provider is not None:
        given["key-provider"] = [key_provider(provider).payload]
    for name, text in (("storage-fs", storage_fs), ("gpu-attestation", gpu_attestation)):
        if text is not None:
            given[name] = [text.encode("utf-8", "replace")]
    return given


@app.command(
    epilog=examples(
        "sp1tee rtmr3 compute --chain 0.5.5 --app-id 2911…6ee3 --app-compose app-compose.json \\",
        "    --instance-id none --key-provider local-sgx:6b5e…8d01 --storage-fs zfs",
        "# with a KMS, and an event that the application adds",
        "sp1tee rtmr3 compute --chain 0.5 --app-id ab84…58de --compose-hash 62dd…e800 \\",
        "    --instance-id eb6b…80b0 --key-provider kms:3059…9d9f --os-image-hash 6809…1657 \\",
        "    --mr-kms c658…afed --event image-digest=564a…15d3 --format json",
    )
)
@assembled
def compute(
    *,
    chain: Annotated[
        str,
        typer.Option(
            metavar="VERSION",
            help="What is measured: that of dstack 0.3, 0.4, 0.5, 0.5.5 or 0.6.",
        ),
    ],
    inputs: Annotated[Inputs, inputs],
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=HEX", help="What the application adds afterwards. Repeatable."),
    ] = None,
    event_log_version: Annotated[
        int, typer.Option(min=1, max=2, help="As in app-compose.json; 2 since dstack 0.6.")
    ] = 1,
    output_format: Annotated[
        Literal["table", "json"], typer.Option("--format", help="How to write the result.")
    ] = "table",
) -> None:
    """Compute RTMR3 from everything that goes into it.

    Every input must be given: the id of an instance is drawn at its first boot, and key provider
    and OS image are the operator's. A docker-compose file alone gives no RTMR3, because the whole
    app-compose.json is measured. If not all inputs are known, `sp1tee verify rtmr3` takes them
    from the event log, checks that it replays to the quote, and compares what is known.
    """
    from sp1tee.verify.rtmr3 import chain_named
    from sp1tee.verify.rtmr3 import compute as compute_it

    named = chain_named(chain)
    extra = [_event(text) for text in event or ()]
    computed = compute_it(named, inputs, extra=extra, version=event_log_version)
    if output_format == "json":
        write_json(_as_json(named, computed))
    else:
        _write(computed)


def _as_json(chain: "Chain", computed: "Computed") -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "chain": chain.name,
        "dstack": [chain.since, chain.until],
        "events": [
            {
                "name": entry.event.name,
                "payload": entry.event.payload.hex(),
                "digest": entry.digest.hex(),
                "rtmr3": entry.value.hex(),
            }
            for entry in computed.events
        ],
        "rtmr3": computed.rtmr3.hex(),
    }


def _write(computed: "Computed") -> None:
    for index, entry in enumerate(computed.events, start=1):
        typer.echo(f"{index:>2}  {entry.event.name}  {entry.event.payload.hex()}".rstrip())
        typer.echo(f"    digest  {entry.digest.hex()}")
        typer.echo(f"    RTMR3   {entry.value.hex()}")
    typer.echo(f"RTMR3  {computed.rtmr3.hex()}")


def _compose_hash(text: str | None, file: Path | None) -> bytes:
    if (text is None) == (file is None):
        raise ConfigError(
            "Give either --compose-hash or --app-compose.", advice="" if text else _NOT_ALONE
        )
    if file is None:
        return _hex("compose-hash", text or "")
    return hashlib.sha256(_app_compose(file)).digest()


def _app_compose(file: Path) -> bytes:
    from sp1tee.verify.reading import read_file, read_object
    from sp1tee.verify.rtmr3 import APP_COMPOSE_LIMIT

    try:
        raw = read_file(file, APP_COMPOSE_LIMIT)
        read_object(raw, str(file), limit=APP_COMPOSE_LIMIT)
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        raise ConfigError(f"It is no app-compose.json: {error}", advice=_NOT_ALONE) from None
    return raw


def _event(text: str) -> tuple[str, bytes]:
    name, equals, payload = text.partition("=")
    if not equals:
        raise ConfigError("--event is no NAME=HEX.", advice="An empty payload is NAME=.")
    return name, _hex(f"event {name}", payload)


def _hex(name: str, text: str) -> bytes:
    from sp1tee.verify.reading import from_hex

    try:
        return from_hex(text, f"--{name}")
    except EvidenceMalformed as error:
        raise ConfigError(str(error)) from None
