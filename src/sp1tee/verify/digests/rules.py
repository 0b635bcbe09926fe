"""What has to hold for the images of a docker-compose file."""

from typing import Final

from sp1tee.verify.checks import Rule

COMPOSE: Final = Rule(
    "digests.compose",
    "SP1TEE-V700",
    "The docker-compose file can be read in one way only",
    "What two programs read differently can be reviewed as one thing and run as another.",
    waivable=False,
)
COMPLETE: Final = Rule(
    "digests.complete",
    "SP1TEE-V701",
    "Every service is written in this file",
    "What is included or extended from elsewhere brings images that nobody looks at here.",
)
NAMED: Final = Rule(
    "digests.named",
    "SP1TEE-V702",
    "Every service runs an image, and none is built where it runs",
    "What is built on the spot is whatever the sources, mirrors and tools give at that moment.",
)
LITERAL: Final = Rule(
    "digests.literal",
    "SP1TEE-V703",
    "Every image is written out",
    "The value of a variable is not part of the file, and not of its measurement.",
)
REFERENCE: Final = Rule(
    "digests.reference",
    "SP1TEE-V704",
    "Every image's name can be read",
    "A name that is none cannot be followed.",
)
PINNED: Final = Rule(
    "digests.pinned",
    "SP1TEE-V705",
    "The image is pinned by its digest",
    "A tag can be moved to other code at any time, and engines follow it at the next pull.",
)
SERVED: Final = Rule(
    "digests.served",
    "SP1TEE-V706",
    "The registry serves the bytes that the pin names",
    "A digest says nothing as long as nobody hashes what is behind it.",
)
MANIFEST: Final = Rule(
    "digests.manifest",
    "SP1TEE-V707",
    "The pinned bytes are an image's manifest or index",
    "Bytes that one engine reads as an index and another as an image are two images.",
)
PLATFORM: Final = Rule(
    "digests.platform",
    "SP1TEE-V708",
    "The pin leads to exactly one image for the platform",
    "Where an index offers two, the machine that runs it decides which.",
)
PLATFORM_SERVED: Final = Rule(
    "digests.platform-served",
    "SP1TEE-V709",
    "The registry serves the platform's manifest that the index names",
    "What runs is the platform's image, not the index.",
)
CONFIG: Final = Rule(
    "digests.config",
    "SP1TEE-V710",
    "The image's configuration is the one its manifest names",
    "The configuration decides what is started, and names the uncompressed layers.",
)
BUILD: Final = Rule(
    "digests.build",
    "SP1TEE-V711",
    "The local build gives the published image",
    "A pin fixes which bytes run; only a rebuild shows which sources they are.",
)
BUILD_CONFIG: Final = Rule(
    "digests.build-config",
    "SP1TEE-V712",
    "The published image starts in the way the local build does",
    "The same program under another command, user or environment is another service.",
)

RULES: Final[tuple[Rule, ...]] = (
    COMPOSE,
    COMPLETE,
    NAMED,
    LITERAL,
    REFERENCE,
    PINNED,
    SERVED,
    MANIFEST,
    PLATFORM,
    PLATFORM_SERVED,
    CONFIG,
    BUILD,
    BUILD_CONFIG,
)
