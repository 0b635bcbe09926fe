"""What has to hold about the event log and RTMR3."""

from typing import Final

from sp1tee.verify.checks import Rule

QUOTE: Final = Rule(
    "rtmr3.quote",
    "SP1TEE-V300",
    "The quote that holds RTMR3 was verified",
    "RTMR3 means something only in a quote that a genuine TDX machine signed.",
    waivable=False,
)
LOG: Final = Rule(
    "rtmr3.log",
    "SP1TEE-V301",
    "There is an event log that can be read in one way only",
    "RTMR3 is a hash; what was hashed stands in the event log.",
    waivable=False,
)
TYPES: Final = Rule(
    "rtmr3.event-types",
    "SP1TEE-V302",
    "Every event in RTMR3 is a runtime event of dstack's",
    "A reader that recomputes runtime events only would take another type's digest on trust.",
    waivable=False,
)
NAMES: Final = Rule(
    "rtmr3.event-names",
    "SP1TEE-V303",
    "Every event in RTMR3 has a plain name",
    "A digest covers name, colon and payload: a name with a colon moves the border between them, "
    "and two names can look alike outside ASCII.",
    waivable=False,
)
DIGESTS: Final = Rule(
    "rtmr3.digests",
    "SP1TEE-V304",
    "Every digest in the log is the digest of its payload",
    "Whoever replays the digests and reads the payloads can be shown other payloads.",
    waivable=False,
)
REPLAY: Final = Rule(
    "rtmr3.replay",
    "SP1TEE-V305",
    "The events replay to the quote's RTMR3",
    "Otherwise the log says nothing about this guest.",
    waivable=False,
)
BOOT_REPLAY: Final = Rule(
    "rtmr3.boot-replay",
    "SP1TEE-V306",
    "The log's boot events replay to the quote's RTMR0, RTMR1 and RTMR2",
    "A log that fits one register only was put together from several boots.",
)
UNIQUE: Final = Rule(
    "rtmr3.unique",
    "SP1TEE-V307",
    "What dstack measures is measured once",
    "With two events of a name, one reader takes the first and another the last.",
    waivable=False,
)
CHAIN: Final = Rule(
    "rtmr3.chain",
    "SP1TEE-V308",
    "The events stand in the order of a dstack version",
    "Only the order tells what the operating system measured from what a program added.",
    waivable=False,
)
LEGACY: Final = Rule(
    "rtmr3.legacy",
    "SP1TEE-V309",
    "The guest is dstack 0.4 or later",
    "dstack 0.3 has no event that ends the boot, so later events could pass for the boot's; and it "
    "gets no more fixes.",
)
EXTRA: Final = Rule(
    "rtmr3.extra-events",
    "SP1TEE-V310",
    "Nothing was measured after system-ready but what is allowed",
    "Any container that has dstack's socket can add events; what they say is the application's "
    "word.",
)
PAYLOADS: Final = Rule(
    "rtmr3.payloads",
    "SP1TEE-V311",
    "The payloads of dstack's events are what dstack writes",
    "A payload of another size or form was not measured by the published operating system.",
)
APP_ID: Final = Rule(
    "rtmr3.app-id",
    "SP1TEE-V320",
    "It is the application that was asked for",
    "Anyone can run dstack; a genuine quote of somebody else's application proves nothing. The id "
    "must be known from elsewhere, not from the quote itself.",
)
COMPOSE_HASH: Final = Rule(
    "rtmr3.compose-hash",
    "SP1TEE-V321",
    "It runs an app-compose.json that was asked for",
    "An application keeps its id through upgrades; the compose hash says which code runs.",
)
APP_COMPOSE: Final = Rule(
    "rtmr3.app-compose",
    "SP1TEE-V322",
    "The app-compose.json at hand is the measured one",
    "What is read in another file says nothing about what runs.",
    waivable=False,
)
OS_IMAGE_HASH: Final = Rule(
    "rtmr3.os-image-hash",
    "SP1TEE-V323",
    "The KMS gave its keys to an operating system image that was asked for",
    "The KMS checks the image and names it; an image with a hole keeps no secret.",
)
KEY_PROVIDER: Final = Rule(
    "rtmr3.key-provider",
    "SP1TEE-V324",
    "Its keys come from the key provider that was asked for",
    "Whoever hands out the disk's and the application's keys knows them: anyone can run a KMS.",
)
INSTANCE: Final = Rule(
    "rtmr3.instance-id",
    "SP1TEE-V325",
    "It is an instance that was asked for",
    "Several instances of an application can run, on machines of different owners.",
)
DERIVED_APP_ID: Final = Rule(
    "rtmr3.derived-app-id",
    "SP1TEE-V326",
    "Without a KMS, the application's id is the beginning of its compose hash",
    "dstack before 0.6 refuses to boot otherwise: a guest that did boot is no dstack.",
)

RULES: Final[tuple[Rule, ...]] = (
    *(QUOTE, LOG, TYPES, NAMES, DIGESTS, REPLAY, BOOT_REPLAY, UNIQUE, CHAIN, LEGACY, EXTRA),
    *(PAYLOADS, APP_ID, COMPOSE_HASH, APP_COMPOSE, OS_IMAGE_HASH, KEY_PROVIDER, INSTANCE),
    DERIVED_APP_ID,
)
"""Every rule of this room."""
