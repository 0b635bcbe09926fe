"""Settings, flags and key files: exit 2."""

from sp1tee.errors.base import Sp1teeError


class ConfigError(Sp1teeError):
    """A setting, a flag or a key file is missing or unusable."""

    code = "SP1TEE-C000"
    exit_code = 2


class MissingExtraError(ConfigError):
    """A command needs packages that the plain install leaves out."""

    code = "SP1TEE-C001"


class ListenError(ConfigError):
    """An address cannot be listened on."""

    code = "SP1TEE-C002"
    default_advice = "Choose another address, or stop what is listening there."


class ExposedSecretError(ConfigError):
    """A file that holds a key or a token can be read by others than its owner."""

    code = "SP1TEE-C003"
