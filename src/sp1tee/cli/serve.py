"""`sp1tee serve`."""

from typing import Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.cli.from_settings import from_settings
from sp1tee.cli.running import start_logs
from sp1tee.serve.settings import ServeSettings

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

settings = from_settings(ServeSettings, "serve")


@app.command(
    epilog=examples(
        "# a stand-alone server that takes mock proofs, to try it out",
        "sp1tee serve --listen 127.0.0.1:8080 --allow-mock",
        "# behind an ingress, in front of a network",
        "sp1tee serve --public-url https://prover.example.org --network upstream \\",
        "    --upstream-url https://rpc.example.org --fulfiller-key-file /run/secrets/key",
        "# in a dstack guest: inputs open for this application alone",
        "sp1tee serve --vault-key-source dstack --public-url https://prover.example.org",
    )
)
@assembled
def serve(
    settings: Annotated[ServeSettings, settings],
    logs: Annotated[None, start_logs],
) -> None:
    """Take requests, keep their inputs, hand out work.

    Listens twice: for requesters (SP1 SDKs and `sp1tee prove`), and for workers (`sp1tee
    fulfill`), who need the worker token. Requests survive crashes and restarts; an input is
    readable by the worker that proves it and by nobody else, and erased as soon as its proof is
    there. On disk it is encrypted; what that protects it from depends on where the vault's key is,
    which is said at every start. The first SIGTERM or Ctrl-C drains, the second one ends at once.

    Every option is also a variable, SP1TEE_SERVE_ and its name in capitals, and a key in the
    section [serve] of sp1tee.toml. Flags win over variables, variables over the file. Secrets
    have no flag: give the file that holds them.
    """
    del logs
    with extra("serve", "serve"):
        from sp1tee.serve.service import run
    run(settings)
