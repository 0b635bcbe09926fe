"""What has to hold about the application's configuration."""

from typing import Final

from sp1tee.verify.checks import Rule

READABLE: Final = Rule(
    "compose.readable",
    "SP1TEE-V400",
    "app-compose.json can be read in one way only",
    "With a key twice or a value of another type, the guest and the reviewer may read different "
    "files out of the same measured bytes.",
    waivable=False,
)
HASH: Final = Rule(
    "compose.hash",
    "SP1TEE-V401",
    "app-compose.json is what was measured, byte for byte",
    "Everything said about the application is said about these bytes; unmeasured ones prove "
    "nothing.",
    waivable=False,
)
MR_CONFIG_ID: Final = Rule(
    "compose.mr-config-id",
    "SP1TEE-V402",
    "mr_config_id states this configuration, or none",
    "The CPU signed a configuration that the host stated; a genuine guest refuses to boot with "
    "another one.",
)
RUNNER: Final = Rule(
    "compose.runner",
    "SP1TEE-V403",
    "What runs is the docker-compose file",
    "With the runner `bash` a script runs instead of the file that was reviewed.",
)
PUBLISHED: Final = Rule(
    "compose.published",
    "SP1TEE-V404",
    "The docker-compose file inside is the published one",
    "Reviewing the repository's file says nothing about another one that runs.",
)
SERVICES: Final = Rule(
    "compose.services",
    "SP1TEE-V405",
    "The docker-compose file inside can be read in one way only",
    "A file with a key twice, a tag or several documents runs other services than a reviewer sees.",
)
PRE_LAUNCH_SCRIPT: Final = Rule(
    "compose.pre-launch-script",
    "SP1TEE-V410",
    "No unreviewed script runs before the containers",
    "It runs as root, can read every key and input, and can start anything. After a reboot it is "
    "not certain to run before the containers.",
)
INIT_SCRIPT: Final = Rule(
    "compose.init-script",
    "SP1TEE-V411",
    "No unreviewed script runs early in the boot",
    "It runs as root before anything else of the application.",
)
PUBLIC_LOGS: Final = Rule(
    "compose.public-logs",
    "SP1TEE-V412",
    "Nobody outside reads the containers' logs",
    "The guest serves logs to anybody who asks; what a program prints about an input is public.",
)
ALLOWED_ENVS: Final = Rule(
    "compose.allowed-envs",
    "SP1TEE-V413",
    "Only accepted variables come from outside the measurement",
    "Their values are not measured, and anybody can encrypt to the guest's public key: the host "
    "may set them to what it likes.",
)
INTERPOLATED_SETTINGS: Final = Rule(
    "compose.interpolated-settings",
    "SP1TEE-V414",
    "No unmeasured variable decides what runs",
    "An image, a command or a mount that comes from a variable is not fixed by any measurement.",
)
INTERPOLATED_ADDRESSES: Final = Rule(
    "compose.interpolated-addresses",
    "SP1TEE-V415",
    "No unmeasured variable decides whom the application talks to",
    "A URL or a host name from a variable lets the host redirect what the enclave sends.",
)
DOCKER_SOCKET: Final = Rule(
    "compose.docker-socket",
    "SP1TEE-V416",
    "No service commands Docker",
    "Who holds Docker's socket can start any image with any mount, the measured file "
    "notwithstanding.",
)
GUEST_AGENT_SOCKET: Final = Rule(
    "compose.guest-agent-socket",
    "SP1TEE-V417",
    "Only accepted services talk to the guest agent",
    "The agent hands out quotes over any data, and the application's keys: a service with its "
    "socket can speak for the enclave.",
)
PRIVILEGED: Final = Rule(
    "compose.privileged",
    "SP1TEE-V418",
    "No service is privileged",
    "A privileged container is root on the guest.",
)
CAPABILITIES: Final = Rule(
    "compose.capabilities",
    "SP1TEE-V419",
    "No service has added capabilities or lowered confinement",
    "Added capabilities and an unconfined profile let a container reach what others hold.",
)
DEVICES: Final = Rule(
    "compose.devices",
    "SP1TEE-V420",
    "No service reaches devices of the guest",
    "A device such as the disk or /dev/tdx_guest goes past every file permission.",
)
HOST_NAMESPACES: Final = Rule(
    "compose.host-namespaces",
    "SP1TEE-V421",
    "No service shares a namespace with the guest or another service",
    "It sees others' processes, memory or network traffic; with the guest's network every port "
    "it opens is reachable.",
)
HOST_PATHS: Final = Rule(
    "compose.host-paths",
    "SP1TEE-V422",
    "No service mounts files of the guest",
    "What lies there is not measured, or belongs to other services.",
)
CERTIFICATE_VOLUME: Final = Rule(
    "compose.certificate-volume",
    "SP1TEE-V423",
    "Only the ingress can read the certificate's private key",
    "The quote binds the certificate, not its key: whoever can read the volume can serve as the "
    "enclave from anywhere.",
)
PUBLISHED_PORTS: Final = Rule(
    "compose.published-ports",
    "SP1TEE-V424",
    "Only the ingress can be reached from outside",
    "A published port is reachable as <app id>-<port>.<gateway>, where the gateway's operator "
    "ends TLS: what is sent there is not sent to the enclave.",
)
ENV_FILE: Final = Rule(
    "compose.env-file",
    "SP1TEE-V425",
    "No service reads variables from a file",
    "The file is not part of the measurement.",
)
OTHER_FILES: Final = Rule(
    "compose.other-files",
    "SP1TEE-V426",
    "The file is whole: it takes in no other",
    "`extends` and `include` bring settings that a reader of this file does not see.",
)
HOST_PROGRAMS: Final = Rule(
    "compose.host-programs",
    "SP1TEE-V427",
    "Docker Compose runs no program of the guest",
    "`provider` runs a program outside every container.",
)
BUILD: Final = Rule(
    "compose.build",
    "SP1TEE-V428",
    "Every service runs an image and is not built inside",
    "What is built in the guest comes out of sources that are not measured.",
)
UNMEASURED_SECRETS: Final = Rule(
    "compose.unmeasured-secrets",
    "SP1TEE-V429",
    "No secret or config comes from a variable or a file",
    "Their content is not measured.",
)
KEY_PROVIDER: Final = Rule(
    "compose.key-provider",
    "SP1TEE-V430",
    "Keys come from a key management service",
    "Without one the disk's key is random or bound to one machine, and nobody decided which "
    "images may have it.",
)
INSTANCE_ID: Final = Rule(
    "compose.instance-id",
    "SP1TEE-V431",
    "Instances can be told apart",
    "Without an instance id, evidence of one instance passes for another's.",
)
SECURE_TIME: Final = Rule(
    "compose.secure-time",
    "SP1TEE-V432",
    "The guest waits for authenticated time",
    "Without it the host sets the clock, and with it what the guest takes for valid.",
)
GPU_POLICY: Final = Rule(
    "compose.gpu-policy",
    "SP1TEE-V433",
    "The guest demands attested GPUs without debugging",
    "A GPU in debug or developer mode shows its memory, and the input in it, to the host.",
)
FEATURES: Final = Rule(
    "compose.features",
    "SP1TEE-V434",
    "No setting is unknown to this reader",
    "A newer guest may give it a meaning that nobody here has reviewed.",
)
REGISTRY: Final = Rule(
    "compose.registry",
    "SP1TEE-V435",
    "Images come from where their names say",
    "A registry set for the whole guest serves images under names that a reviewer takes for "
    "others.",
)

RULES: Final[tuple[Rule, ...]] = (
    *(READABLE, HASH, MR_CONFIG_ID, RUNNER, PUBLISHED, SERVICES, PRE_LAUNCH_SCRIPT, INIT_SCRIPT),
    *(PUBLIC_LOGS, ALLOWED_ENVS, INTERPOLATED_SETTINGS, INTERPOLATED_ADDRESSES, DOCKER_SOCKET),
    *(GUEST_AGENT_SOCKET, PRIVILEGED, CAPABILITIES, DEVICES, HOST_NAMESPACES, HOST_PATHS),
    *(CERTIFICATE_VOLUME, PUBLISHED_PORTS, ENV_FILE, OTHER_FILES, HOST_PROGRAMS, BUILD),
    *(UNMEASURED_SECRETS, KEY_PROVIDER, INSTANCE_ID, SECURE_TIME, GPU_POLICY, FEATURES, REGISTRY),
)  # fmt: skip

PINNED: Final = (READABLE, HASH, MR_CONFIG_ID, PUBLISHED, SERVICES, ALLOWED_ENVS)
"""Rules that a policy decides by pins or not at all; every other one by a name in `allow`."""


def allowance(rule: Rule) -> str:
    """Return the name that accepts a rule's risk in a policy's `allow`, e.g. ``public-logs``.

    Followed by a colon and a service's name it accepts the risk for that service alone.
    """
    return rule.id.removeprefix("compose.")


ALLOWANCES: Final = tuple(allowance(rule) for rule in RULES if rule not in PINNED)
"""Every name that a policy's `allow` may hold."""
