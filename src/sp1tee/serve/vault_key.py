"""Where a server's vault key comes from, and what that protects inputs against."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import stamina
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sp1tee import logs
from sp1tee.dstack import GuestAgent, find_socket
from sp1tee.errors import AgentAway, GuestAgentError, HexError, VaultKeyError
from sp1tee.serve.settings import ServeSettings
from sp1tee.store.master_key import KEY_SIZE, MasterKey
from sp1tee.wire.hexes import from_hex

VAULT_KEY_FILE: Final = "vault.key"
DSTACK_PATH: Final = "sp1tee/vault/v1"
"""The path that the guest agent is asked for; another one is another key."""
_DSTACK_INFO: Final = b"sp1tee vault master key v1"
_NO_PROVIDER: Final = "none"

_log = logs.get(__name__)


class Protection(StrEnum):
    """What keeps stored inputs from whoever has the disk, in the words that operators are told."""

    ENCLAVE = "enclave key (dstack)"
    OPERATORS_FILE = "operator's key file"
    OPERATORS_SETTING = "operator's key, in the settings"
    NONE = "key beside the data: not sealed against whoever has the disk"


@dataclass(frozen=True, slots=True)
class VaultKey:
    """The key above all blob keys.

    Attributes:
        master: the key.
        protection: what its being where it is protects against.
    """

    master: MasterKey
    protection: Protection


async def open_vault_key(settings: ServeSettings) -> VaultKey:
    """Read, make or ask for the vault key, as the settings say.

    Raises:
        VaultKeyError: it is none, or its file cannot be used.
        GuestAgentError: the guest agent does not give one.
    """
    if settings.vault_key_source == "dstack":
        return VaultKey(await _from_enclave(settings), Protection.ENCLAVE)
    if settings.vault_key is not None:
        return VaultKey(_given(settings.vault_key.get_secret_value()), _protection(settings))
    return VaultKey(_beside_the_data(settings), Protection.NONE)


async def _from_enclave(settings: ServeSettings) -> MasterKey:
    waiting = stamina.retry_context(
        on=AgentAway, attempts=None, timeout=settings.dstack_wait_s, wait_initial=0.1, wait_max=2
    )
    async for attempt in waiting:
        with attempt:
            agent = GuestAgent(_socket(settings))
            secret = await agent.key(DSTACK_PATH)
    await _tell_guest(agent)
    return MasterKey(
        HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=_DSTACK_INFO).derive(secret)
    )


def _socket(settings: ServeSettings) -> Path:
    found = settings.dstack_socket or find_socket()
    if found is None:
        raise AgentAway("There is no socket of a guest agent here.")
    return found


async def _tell_guest(agent: GuestAgent) -> None:
    """Log whose key it is: the first question when a vault does not open."""
    try:
        guest = await agent.guest()
    except GuestAgentError as error:
        _log.warning("the guest agent does not say whose guest this is", reason=error.message)
        return
    provider = guest.key_provider
    _log.info("the enclave gave the vault key", app_id=guest.app_id.hex(), key_provider=provider)
    if provider == _NO_PROVIDER:
        _log.warning("the guest has no key provider: what is stored is unreadable after its end")


def _given(text: str) -> MasterKey:
    try:
        return MasterKey(from_hex(text, KEY_SIZE, "vault key"))
    except HexError as error:
        raise VaultKeyError(error.message, advice="Give 64 hex digits.") from None


def _protection(settings: ServeSettings) -> Protection:
    """Judge a key that the operator gave: a file of theirs may lie beside the data as well."""
    file = settings.vault_key_file
    if file is None:
        return Protection.OPERATORS_SETTING
    beside = file.resolve().is_relative_to(settings.data_dir.resolve())
    return Protection.NONE if beside else Protection.OPERATORS_FILE


def _beside_the_data(settings: ServeSettings) -> MasterKey:
    path = settings.data_dir / VAULT_KEY_FILE
    key, made = MasterKey.made_or_read(path, data_dir=settings.data_dir)
    if made:
        _log.warning("a vault key was made: keep it, nothing can be read without", path=str(path))
    _log.warning(
        "the vault key lies beside the data: whoever takes both can read waiting inputs; "
        "set vault_key_file or vault_key_source outside of an experiment",
        path=str(path),
    )
    if socket := settings.dstack_socket or find_socket():
        _log.warning(
            "THIS IS A dstack GUEST, AND INPUTS ARE NOT SEALED BY IT: set --vault-key-source "
            "dstack, and start with an empty data_dir",
            socket=str(socket),
        )
    return key
