"""What a policy asks for that there is not: files, settings, images and checks."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TypeAlias

from sp1tee.errors import VerifyError
from sp1tee.verify.policy.model import Policy
from sp1tee.verify.policy.problems import Places, Problem, key_of
from sp1tee.verify.policy.rulebook import rules
from sp1tee.verify.reading import read_file
from sp1tee.verify.reading.files import MIB

_Found: TypeAlias = Iterator[tuple[tuple[int | str, ...], str]]

_FILE = 8 * MIB


def review(policy: Policy, data: bytes) -> tuple[Problem, ...]:
    """Return what is wrong with a policy that can be read.

    Args:
        policy: as `load_policy` gives it, so that its paths lead to its files.
        data: the bytes it was read from, to find the lines of its keys.
    """
    places = Places(data.decode("utf-8", "replace"))
    found = (*_files(policy), *_settings(policy), *_images(policy), *_waivers(policy))
    return tuple(Problem(key_of(location), text, places.of(location)) for location, text in found)


def _files(policy: Policy) -> _Found:
    named = [(("anchors", name), path) for name, path in policy.anchors]
    if policy.compose is not None:
        named.append((("compose", "docker_compose"), policy.compose.docker_compose))
    for location, path in named:
        if path is not None:
            try:
                read_file(path, _FILE)
            except VerifyError as error:
                yield location, f"leads nowhere: {error.message.removesuffix('.')}"


def _settings(policy: Policy) -> _Found:
    from sp1tee.verify.compose.rules import ALLOWANCES  # noqa: PLC0415 - a room's heavy imports

    for index, name in enumerate(policy.compose.allow if policy.compose is not None else ()):
        if name.partition(":")[0] not in ALLOWANCES:
            yield ("compose", "allow", index), f"must be one of {', '.join(ALLOWANCES)}"


def _images(policy: Policy) -> _Found:
    from sp1tee.verify.osimage import load_table  # noqa: PLC0415 - a room's heavy imports

    if policy.os is None or not policy.os.images:
        return
    try:
        file = policy.anchors.os_images
        table = load_table(None if file is None else read_file(file, _FILE))
    except VerifyError as error:
        yield ("anchors", "os_images"), f"is no table of images: {error.message.removesuffix('.')}"
        return
    known = {image.name for image in table.images}
    for index, name in enumerate(policy.os.images):
        if name not in known:
            yield ("os", "images", index), "is not in the table of OS images"


def _waivers(policy: Policy) -> _Found:
    for index, waiver in enumerate(policy.waivers):
        named = [rule for rule in rules() if fnmatchcase(rule.id, waiver.check)]
        if not named:
            yield ("waivers", index, "check"), "names no check that there is"
        elif not any(rule.waivable for rule in named):
            yield ("waivers", index, "check"), "names what cannot be waived: checks rest on it"
