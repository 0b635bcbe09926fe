"""`sp1tee policy`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.render import note, warn
from sp1tee.cli.verify.sources import Asked, asked
from sp1tee.errors import EvidenceFileError, PolicyError
from sp1tee.verify.formats import clean
from sp1tee.verify.policy.explain import explain as in_words
from sp1tee.verify.policy.model import Anchors
from sp1tee.verify.policy.pins import PINS, held, weaknesses
from sp1tee.verify.policy.reading import (
    LoadedPolicy,
    examine_policy,
    find_policy,
    load_policy,
    parse_policy,
    read_policy,
)
from sp1tee.verify.policy.shipped import shipped_names
from sp1tee.verify.reading import is_there

if TYPE_CHECKING:
    from sp1tee.verify.evidence import Bundle

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

INVALID = 2

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A policy's file, or the name of a shipped policy.")
]


@app.callback()
def policy() -> None:
    """Write, explain and check what you demand of a server.

    A policy is a TOML file that says what a verdict is based on. It is yours: review it, commit
    it, and name it with `--policy`. An empty one passes nothing.
    """


@app.command(
    epilog=examples(
        "# collect once, then pin what was seen",
        "sp1tee evidence fetch tee.example.org -o evidence.tar",
        "sp1tee policy init evidence.tar -o policy.toml",
        "# the same in one step, without keeping the evidence",
        "sp1tee policy init tee.example.org",
    )
)
@assembled
def init(
    *,
    target: Annotated[
        str, typer.Argument(metavar="HOST|BUNDLE", help="A host, or saved evidence about one.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write it, which must not exist yet; stdout, if left out.",
        ),
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A policy whose anchors to trust instead of the shipped ones."
        ),
    ] = None,
    asked: Annotated[Asked, asked],
) -> None:
    """Write a first policy, made of what is there now.

    Comments say of every value whether the enclave's quote binds it or somebody merely claims it.
    Whether it should be so is for you to find out: a first policy made of a forged server demands
    the forgery.
    """
    from sp1tee.verify.appraisal import NOTHING, Appraisal, trusted
    from sp1tee.verify.policy.init import first_policy

    base = Anchors() if anchors is None else load_policy(anchors).policy.anchors
    trust = trusted(base)
    bundle = _evidence(target, asked)
    at = int(bundle.manifest.finished.timestamp())
    facts = Appraisal(bundle, NOTHING, at, trust).findings().facts
    written = _seen_from(Path() if output is None else output.parent, base)
    text = first_policy(facts, name=bundle.manifest.target.host, at=at, anchors=written)
    if output is None:
        typer.echo(text, nl=False)
        return
    _write_new(output, text)
    note(f"Read {output}, then: sp1tee verify all {target} --policy {output}")


def _seen_from(folder: Path, anchors: Anchors) -> Anchors:
    """Name files as a policy in that folder names them."""
    paths = {
        name: Path(os.path.relpath(path.absolute(), folder.absolute()))
        for name, path in anchors
        if path is not None
    }
    return anchors.model_copy(update=paths)


@app.command(epilog=examples("sp1tee policy explain policy.toml"))
def explain(file: File) -> None:
    """Say in words what a policy demands, and what it leaves open."""
    path = find_policy(file)
    for said in in_words(parse_policy(read_policy(path), path).policy):
        typer.echo(clean.line(said))


@app.command(epilog=examples("sp1tee policy check policy.toml"))
def check(file: File) -> None:
    """Check that a policy can be enforced: exit code 0, or 2 with everything that is wrong.

    What is weak about it is said on stderr and changes no exit code: it may be meant.
    """
    from sp1tee.verify.policy.review import review

    path = find_policy(file)
    data = read_policy(path)
    found = examine_policy(data, path)
    problems = review(found.policy, data) if isinstance(found, LoadedPolicy) else found
    for problem in problems:
        typer.echo(f"{path}: {clean.line(str(problem))}")
    if problems or not isinstance(found, LoadedPolicy):
        raise typer.Exit(INVALID)
    for weakness in weaknesses(found.policy):
        warn(clean.line(weakness))
    typer.echo(f"valid, pins {len(held(found.policy))} of {len(PINS)}")


@app.command(
    epilog=examples("sp1tee policy show", "sp1tee policy show tee.sp1-lumiere.xyz > policy.toml")
)
def show(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which one; all names, if left out.")
    ] = None,
) -> None:
    """Print a policy that comes with sp1tee, to be copied and completed."""
    if name is None:
        for known in shipped_names():
            typer.echo(known)
        return
    if name not in shipped_names():
        raise PolicyError(
            f"No policy {clean.line(name)!r} comes with sp1tee.",
            advice=f"Known: {', '.join(shipped_names())}.",
        )
    typer.echo(read_policy(find_policy(Path(name))).decode(), nl=False)


def _evidence(target: str, asked: Asked) -> "Bundle":
    from sp1tee.verify.evidence import load_bundle

    if target and is_there(Path(target)):
        return load_bundle(Path(target))
    return asked.collect(target)


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise EvidenceFileError(
            f"{path} is there already.", advice="Choose another name."
        ) from None
    except OSError as error:
        raise EvidenceFileError(f"{path} cannot be written: {error.strerror}.") from None
    except ValueError:
        raise EvidenceFileError(f"{path} cannot be the name of a file.") from None
