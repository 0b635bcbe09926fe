"""The data directory, the database, the vault: exit 3."""

from sp1tee.errors.base import Sp1teeError


class StoreError(Sp1teeError):
    """What must survive a restart could not be read or written."""

    code = "SP1TEE-S000"
    exit_code = 3


class StoreUnavailable(StoreError):  # noqa: N818 - it names what is not to be had
    """The disk or the database failed; nothing of the change happened."""

    code = "SP1TEE-S001"
    default_advice = "Look at the disk and the server's log, then try again: nothing was changed."


class StoreFull(StoreUnavailable):
    """The disk is full."""

    code = "SP1TEE-S002"
    default_advice = "Free space on the data directory's disk, then try again."


class StoreInUse(StoreError):  # noqa: N818 - it names the store, which is taken
    """Another server works in the data directory."""

    code = "SP1TEE-S003"
    default_advice = "Stop the other server, or give this one a data_dir of its own."


class StoreTooNew(StoreError):  # noqa: N818 - it names the store, which is ahead
    """A newer release has changed the database."""

    code = "SP1TEE-S004"
    default_advice = "Run the newest sp1tee that this data directory has seen, or a later one."


class StoreMismatch(StoreError):  # noqa: N818 - it names what does not fit
    """The database and the vault's files do not belong together."""

    code = "SP1TEE-S005"
    default_advice = "Point data_dir and database_url at the pair that was used before."


class VaultKeyError(StoreError):
    """A vault key is unusable."""

    code = "SP1TEE-S006"
    exit_code = 2
    default_advice = "Give a file of 64 hex digits or 32 raw bytes that only its owner can read."


class WrongVaultKeyError(VaultKeyError):
    """A vault key is not the one the vault was made with."""

    code = "SP1TEE-S007"
    default_advice = "Give the vault key that the data directory was made with; no other reads it."


class MissingVaultKeyError(VaultKeyError):
    """A vault is there, and its key file is not."""

    code = "SP1TEE-S008"
    default_advice = (
        "Put the key file back. If it is lost, so are the vault's blobs: start with an empty "
        "data_dir."
    )


class BlobErased(StoreError):  # noqa: N818 - it names the blob, which is gone
    """There is no such blob, or no longer."""

    code = "SP1TEE-S009"


class BlobDamaged(StoreError):  # noqa: N818 - it names the blob, which is at fault
    """A sealed file is not what was written."""

    code = "SP1TEE-S010"
    default_advice = "Check the data directory's disk, and who else writes to it."


class RequestNotFound(StoreError):  # noqa: N818 - it names the request, which is not there
    """A key that names no request."""

    code = "SP1TEE-S011"


class StateConflict(StoreError):  # noqa: N818 - it names the conflict
    """A change that contradicts what the store knows already."""

    code = "SP1TEE-S013"


class StoreOutcomeUnknown(StoreUnavailable):
    """The database broke off while it committed, and could not be asked what became of that."""

    code = "SP1TEE-S014"
    default_advice = (
        "Look at the database and the way to it, then try again: what was kept already stays as "
        "it is."
    )


class BucketUnavailable(StoreUnavailable):
    """The vault's bucket does not answer as it should."""

    code = "SP1TEE-S020"
    default_advice = (
        "Look at the object storage and the way to it (vault_endpoint, name service, "
        "certificates), then try again: nothing was changed."
    )


class BucketMissing(BucketUnavailable):
    """There is no such bucket."""

    code = "SP1TEE-S021"
    default_advice = "Make the bucket, or correct vault_url; a server makes none by itself."


class BucketRefused(BucketUnavailable):
    """The bucket does not let this server in."""

    code = "SP1TEE-S022"
    default_advice = (
        "Check the access key, its secret and the region, and that it may get, put, list and "
        "delete objects under vault_url."
    )
