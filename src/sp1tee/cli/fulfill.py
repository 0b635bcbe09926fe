"""`sp1tee fulfill`."""

from typing import Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.cli.from_settings import from_settings
from sp1tee.cli.running import run_until_stopped, start_logs

with extra("fulfill", "fulfill"):
    from sp1tee.fulfill.service import run_fulfiller
    from sp1tee.fulfill.settings import FulfillSettings

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

settings = from_settings(FulfillSettings, "fulfill")


@app.command(
    epilog=examples(
        "# a worker beside a server on the same machine, making mock proofs",
        "sp1tee fulfill --token-file sp1tee-data/worker.token --prover mock",
        "# a worker elsewhere",
        "sp1tee fulfill --server https://workers.example.org --token-file /run/secrets/worker",
        "# a worker that has its proofs made by another enclave's server",
        "sp1tee fulfill --token-file sp1tee-data/worker.token --prover gateway \\",
        "    --prover-url https://inner.example.org --allow-off-host inner.example.org",
    )
)
@assembled
def fulfill(
    settings: Annotated[FulfillSettings, settings],
    logs: Annotated[None, start_logs],
) -> None:
    """Prove what a server has to prove.

    Leases requests from a server's worker listener, runs them, proves them, checks the proofs and
    hands them in; while one proof is made, the next request is fetched and run. The first SIGTERM
    or Ctrl-C finishes or gives back what is under way, the second one ends at once.

    Every option is also a variable, SP1TEE_FULFILL_ and its name in capitals, and a key in the
    section [fulfill] of sp1tee.toml. Flags win over variables, variables over the file.
    """
    del logs
    run_until_stopped(lambda stop: run_fulfiller(settings, stop=stop))
