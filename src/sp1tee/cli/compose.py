"""`sp1tee compose`."""

from pathlib import Path
from typing import Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify import common
from sp1tee.verify.reading.files import MIB
from sp1tee.verify.report import Input

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    epilog="Exit codes: 0 nothing to object to · 2 usage or policy file · 3 the file cannot be "
    "read · 4 risks that nobody accepted · 5 internal error · 130 interrupted",
)


@app.callback()
def compose() -> None:
    """Check compose files before they are deployed."""


@app.command(
    epilog=examples(
        "sp1tee compose check docker-compose.yml",
        "sp1tee compose check app-compose.json --policy policy.toml",
        "# annotate a pull request",
        "sp1tee compose check docker-compose.yml --format sarif --output compose.sarif",
    )
)
@assembled
def check(
    *,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="docker-compose.yml or app-compose.json; - for stdin."),
    ],
    options: Annotated[common.Options, common.options_without_network],
) -> None:
    """Name the settings of a compose file through which more than its services can act.

    The rules are those by which auditors judge what runs (`compose.*`, and of `digests.*` what the
    file itself says), and a few that make services sturdier (`lint.*`). A risk that has to be can
    be accepted in the file, with a reason, which the report repeats; with a policy, that alone
    decides. Nobody is asked, and nothing is said about what really runs: `sp1tee verify all` does
    that.
    """
    from sp1tee.verify.lint import lint

    data = common.read(file, MIB)
    policy = options.policy.policy if options.policy else None
    linted = lint(data, str(file), policy)
    common.conclude(
        options, str(file), linted.findings, (Input(str(file), data),), notes=linted.notes
    )
