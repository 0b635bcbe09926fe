"""What a docker-compose file says about its images, before anybody is asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.checks import Check, Location, Rule
from sp1tee.verify.compose import ComposeFile, Listing, Node, Scalar, Service, Table
from sp1tee.verify.digests.references import Reference
from sp1tee.verify.digests.rules import COMPLETE, LITERAL, NAMED, PINNED, REFERENCE


@dataclass(frozen=True, slots=True)
class Use:
    """An image that a docker-compose file uses.

    Attributes:
        subject: the service's name; for an image mounted as a volume, its target as well.
        service: the service's name.
        image: as it is written; None if there is none.
        location: where in the file.
        reference: what it names; None if there is none, or it holds a variable, or cannot be read.
    """

    subject: str
    service: str
    image: str | None
    location: Location
    reference: Reference | None = None

    @property
    def interpolated(self) -> bool:
        """Whether a variable decides about it."""
        return self.image is not None and "$" in self.image


def uses(compose: ComposeFile) -> tuple[Use, ...]:
    """List the images of a file: its services' own, and those that are mounted as volumes."""
    return tuple(use for service in compose.services for use in _of_service(compose, service))


def written(compose: ComposeFile) -> list[str]:
    """List the images that registries can be asked for, as they are written in a file."""
    return [use.image for use in uses(compose) if use.image is not None and not use.interpolated]


def _of_service(compose: ComposeFile, service: Service) -> Iterator[Use]:
    yield _use(service.name, service, service.image, Location(compose.name, service.image_line))
    volumes = service.settings.get("volumes")
    for volume in volumes.items if isinstance(volumes, Listing) else ():
        if isinstance(volume, Table) and _text(volume.get("type")) == "image":
            subject = f"{service.name} {_text(volume.get('target')) or 'volume'}"
            place = Location(compose.name, volume.line)
            yield _use(subject, service, _text(volume.get("source")), place)


def _use(subject: str, service: Service, image: str | None, location: Location) -> Use:
    if image is None or "$" in image:
        return Use(subject, service.name, image, location)
    try:
        reference = Reference.parse(image)
    except EvidenceMalformed:
        reference = None
    return Use(subject, service.name, image, location, reference)


def _text(node: Node | None) -> str | None:
    return node.text if isinstance(node, Scalar) else None


def judge_file(compose: ComposeFile, listed: Sequence[Use]) -> Iterator[Check]:
    """Judge what holds for the file as a whole: one check if all is well, one each if not."""
    count = f"{len(listed)} image{'s' if len(listed) != 1 else ''}"
    yield from _all_or_each(COMPLETE, f"{count}, all in this file", _elsewhere(compose))
    yield from _all_or_each(NAMED, f"{count}, none built on the spot", _unnamed(compose, listed))
    yield from _all_or_each(LITERAL, f"{count} without variables", map(_variable, listed))
    yield from _all_or_each(REFERENCE, f"{count} with names that can be read", map(_name, listed))


def _all_or_each(rule: Rule, summary: str, found: Iterator[Check | None]) -> Iterator[Check]:
    violations = [check for check in found if check is not None]
    yield from violations or (rule.passes(summary),)


def _elsewhere(compose: ComposeFile) -> Iterator[Check]:
    include = compose.tree.entries.get("include")
    if include is not None:
        yield COMPLETE.refuses(
            "The file includes other files, whose images are not looked at.",
            remedy="Give the merged file: `docker compose config --no-interpolate`.",
            location=Location(compose.name, include.line),
        )
    for service in compose.services:
        extends = service.settings.get("extends")
        foreign = isinstance(extends, Table) and extends.get("file") is not None
        if extends is not None and (foreign or service.image is None):
            yield COMPLETE.refuses(
                "The service takes over what is written elsewhere.",
                subject=service.name,
                remedy="Write its image in the service itself, without `extends`.",
                location=Location(compose.name, extends.line),
            )


def _unnamed(compose: ComposeFile, listed: Sequence[Use]) -> Iterator[Check]:
    for service in compose.services:
        if service.build is not None:
            yield NAMED.refuses(
                "The service is built where it runs, whatever comes out there.",
                subject=service.name,
                actual="build:",
                remedy="Build and push it in CI, and deploy a file without `build:` that pins it.",
                location=Location(compose.name, service.build.line),
            )
    for use in listed:
        owner = compose.service(use.service)
        if use.image is None and not ((owner and owner.settings.get("extends")) or _built(owner)):
            yield NAMED.refuses(
                "There is no image.",
                subject=use.subject,
                remedy="Write `image: NAME@sha256:…`.",
                location=use.location,
            )


def _built(service: Service | None) -> bool:
    return service is not None and service.build is not None


def _variable(use: Use) -> Check | None:
    if not use.interpolated:
        return None
    return LITERAL.refuses(
        "A variable decides which image runs.",
        subject=use.subject,
        actual=use.image,
        remedy="Write the image out, with its digest.",
        location=use.location,
    )


def _name(use: Use) -> Check | None:
    if use.image is None or use.interpolated or use.reference is not None:
        return None
    try:
        Reference.parse(use.image)
    except EvidenceMalformed as error:
        return REFERENCE.unevaluable(
            error, subject=use.subject, actual=use.image, location=use.location
        )
    return None


def judge_pin(use: Use, now: str | None, allowed: Callable[[str], bool]) -> Check:
    """Judge whether an image is pinned.

    Args:
        use: the image; its reference can be read.
        now: the digest that its tag leads to at present, if a registry said so.
        allowed: whether the policy lets a service go without.
    """
    reference = use.reference
    assert reference is not None
    if reference.digest is not None:
        tag = f" Its tag {reference.tag!r} has no say." if reference.tag else ""
        return PINNED.passes(
            f"{reference.name} is pinned.{tag}",
            subject=use.subject,
            actual=reference.digest,
            location=use.location,
        )
    if allowed(use.service):
        return PINNED.skips(
            f"{use.image} is not pinned, and the policy does not ask for it: what it runs is not "
            "known.",
            subject=use.subject,
            actual=use.image,
            location=use.location,
        )
    return PINNED.refuses(
        f"{reference.name} follows the tag {reference.tag or 'latest'!r}, wherever it is moved.",
        subject=use.subject,
        expected=f"{use.image}@{now or 'sha256:…'}",
        actual=use.image,
        remedy=_how_to_pin(use, now),
        location=use.location,
    )


def _how_to_pin(use: Use, now: str | None) -> str:
    if now is None:
        return (
            f"Write `image: {use.image}@sha256:…`, with the digest of what you reviewed; asked "
            "for it, the registry says what the tag leads to now."
        )
    return f"If what the tag leads to now is what you reviewed, write `image: {use.image}@{now}`."
