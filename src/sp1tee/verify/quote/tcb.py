"""Intel's statements about a platform, as far as they are shown or explained.

"TCB info" (version 3) and "enclave identity" (version 2) of the Intel SGX and TDX Provisioning
Certification Service API v4. Signatures are verified over the text these are read from.
"""

from datetime import datetime
from typing import Annotated, Final, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.reading import read_object
from sp1tee.verify.reading.files import KIB

LIMIT: Final = 512 * KIB
"""A TCB info has about 10 KB."""

COMPONENTS: Final = 16
Svn = Annotated[int, Field(ge=0, le=0xFFFF)]


class _Statement(BaseModel):
    """Intel adds fields now and then: those that nobody asks for are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Component(_Statement):
    """One of the sixteen numbers, and what it counts."""

    svn: Svn
    category: str = Field(default="", max_length=100)
    type: str = Field(default="", max_length=100)


Components = Annotated[tuple[Component, ...], Field(min_length=COMPONENTS, max_length=COMPONENTS)]


class Tcb(_Statement):
    """The numbers a platform needs to be at a level."""

    sgx: Components = Field(alias="sgxtcbcomponents")
    tdx: tuple[Component, ...] = Field(default=(), alias="tdxtcbcomponents", max_length=COMPONENTS)
    pce: Svn = Field(alias="pcesvn")


class EnclaveTcb(_Statement):
    """The number that a module or an enclave needs to be at a level."""

    isvsvn: Svn


class EnclaveLevel(_Statement):
    """A level of a TDX module or an enclave."""

    tcb: EnclaveTcb
    date: AwareDatetime = Field(alias="tcbDate")
    status: str = Field(alias="tcbStatus", max_length=100)


class Level(_Statement):
    """A level of a platform."""

    tcb: Tcb
    date: AwareDatetime = Field(alias="tcbDate")
    status: str = Field(alias="tcbStatus", max_length=100)


class ModuleIdentity(_Statement):
    """One major version of the TDX module, `TDX_01` for 1.5."""

    id: str = Field(max_length=100)
    levels: tuple[EnclaveLevel, ...] = Field(alias="tcbLevels", max_length=1000)


class _Dated(_Statement):
    issued: AwareDatetime = Field(alias="issueDate")
    next_update: AwareDatetime = Field(alias="nextUpdate")
    evaluation_number: int = Field(alias="tcbEvaluationDataNumber", ge=0)


class TcbInfo(_Dated):
    """What Intel says about a family of platforms."""

    fmspc: str = Field(max_length=12)
    levels: tuple[Level, ...] = Field(alias="tcbLevels", max_length=1000)
    modules: tuple[ModuleIdentity, ...] = Field(
        default=(), alias="tdxModuleIdentities", max_length=255
    )


class QeIdentity(_Dated):
    """What Intel says about its quoting enclave."""

    levels: tuple[EnclaveLevel, ...] = Field(alias="tcbLevels", max_length=1000)


_S = TypeVar("_S", TcbInfo, QeIdentity)


def read_tcb_info(text: str) -> TcbInfo:
    """Read a TCB info.

    Raises:
        EvidenceMalformed: it is none.
    """
    return _read(TcbInfo, text, "The collateral's TCB info")


def read_qe_identity(text: str) -> QeIdentity:
    """Read a quoting enclave's identity.

    Raises:
        EvidenceMalformed: it is none.
    """
    return _read(QeIdentity, text, "The collateral's QE identity")


def seconds(moment: datetime) -> int:
    """Convert to Unix seconds."""
    return int(moment.timestamp())


def _read(model: type[_S], text: str, what: str) -> _S:
    try:
        return model.model_validate(read_object(text.encode(), what, limit=LIMIT))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise EvidenceMalformed(
            f"{what} is not what Intel publishes: see {place[:80]!r}."
        ) from None
