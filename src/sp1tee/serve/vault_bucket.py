"""Which bucket a server keeps its sealed files in, if any."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from sp1tee.errors import ConfigError
from sp1tee.serve.settings import ServeSettings
from sp1tee.store.s3_bucket import Bucket, parse_vault_url

# Without any of these the AWS chain would ask the machine's metadata service, which inside a TEE
# is nobody or, worse, the host.
_CREDENTIALS: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def open_bucket(
    settings: ServeSettings, environment: Mapping[str, str] = os.environ
) -> Bucket | None:
    """Say which bucket the settings mean; None for files in the data directory.

    Raises:
        ConfigError: there is no such URL, a file cannot be read, or there are no credentials.
    """
    if settings.vault_url is None:
        return None
    name, prefix = parse_vault_url(settings.vault_url)
    if settings.vault_access_key_id is None and not any(map(environment.get, _CREDENTIALS)):
        raise ConfigError(
            "There are no credentials for vault_url.",
            advice="Set vault_access_key_id_file and vault_secret_access_key_file, or the AWS_ "
            "variables.",
        )
    return Bucket(
        name,
        prefix,
        endpoint=settings.vault_endpoint,
        region=settings.vault_region,
        access_key_id=_revealed(settings.vault_access_key_id),
        secret_access_key=_revealed(settings.vault_secret_access_key),
        ca_pem=_read(settings.vault_ca_file),
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"vault_ca_file {path} cannot be read: {error.strerror}.") from None
