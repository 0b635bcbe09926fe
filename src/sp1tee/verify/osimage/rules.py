"""What has to hold about the operating system image."""

from typing import Final

from sp1tee.verify.checks import Rule

TABLE: Final = Rule(
    "os.table",
    "SP1TEE-V500",
    "There is a table of known images",
    "Measurements are hashes; only a table says which image has them.",
    waivable=False,
)
IMAGE: Final = Rule(
    "os.image",
    "SP1TEE-V501",
    "The image that booted is a known one",
    "RTMR3 can be extended by whatever runs in the guest: an image of somebody's own can measure "
    "exactly the events that a reader wants to see, and then do as it likes.",
    waivable=False,
)
ACCEPTED: Final = Rule(
    "os.accepted",
    "SP1TEE-V502",
    "The image is one that the policy accepts",
    "A genuine image may be too old, or made for another purpose.",
)
RELEASE: Final = Rule(
    "os.release",
    "SP1TEE-V503",
    "The image is a release, not a developer's",
    "Developers' images let people log in as root, and verify as well as any other.",
)
IMAGE_HASH: Final = Rule(
    "os.image-hash",
    "SP1TEE-V504",
    "The image that the KMS accepted is the one that booted",
    "Two names for what runs must agree, or one of them is of something else.",
)
RTMR0: Final = Rule(
    "os.rtmr0",
    "SP1TEE-V505",
    "The virtual machine's layout is a known one",
    "RTMR0 covers the memory layout, Secure Boot variables and ACPI tables, which the host makes.",
)

RULES: Final[tuple[Rule, ...]] = (TABLE, IMAGE, ACCEPTED, RELEASE, IMAGE_HASH, RTMR0)
"""Every rule of this room."""
