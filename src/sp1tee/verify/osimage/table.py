"""The table of known OS images: which measurements belong to which image.

A JSON document::

    {"schema": "sp1tee.os-images.v1",
     "images": [{"name": "dstack-0.5.8", "version": "0.5.8", "dev": false,
                 "mrtd": ["f06d…"], "rtmr1": ["b598…"], "rtmr2": "9284…",
                 "os_image_hash": "6427…", "source": "where the values come from"}]}

Measurements are 96 hex digits. `mrtd` lists the firmware's values, one for each way in which a
host may add its pages; `rtmr1` the kernel's, which QEMU patches by the size of memory; `rtmr2` is
of command line and initrd. `os_image_hash` is what dstack's KMS calls the image.
"""

from importlib import resources
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.policy.model import Hex32, Hex48
from sp1tee.verify.reading import read_object
from sp1tee.verify.reading.files import MIB

SCHEMA: Final = "sp1tee.os-images.v1"
LIMIT: Final = MIB
MAX_IMAGES: Final = 1000
_SHIPPED: Final = "os-images.json"


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]
Measurements: TypeAlias = Annotated[
    tuple[Hex48, ...], BeforeValidator(_tuple), Field(min_length=1, max_length=16)
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Image(_Model):
    """One image and what it measures."""

    name: Text = Field(description="What policies call it.")
    version: Text | None = Field(default=None, description="dstack's version, if it is known.")
    dev: bool = Field(description="Whether developers can log in.")
    mrtd: Measurements = Field(description="Firmware, one value a way of adding its pages.")
    rtmr1: Measurements = Field(description="Kernel, one value a patch that QEMU makes.")
    rtmr2: Hex48 = Field(description="Kernel command line and initrd.")
    os_image_hash: Hex32 | None = Field(default=None, description="What a KMS calls it.")
    source: Text = Field(description="Where the values come from.")


class Table(_Model):
    """Every known image."""

    schema_: Literal["sp1tee.os-images.v1"] = Field(alias="schema")
    images: Annotated[tuple[Image, ...], BeforeValidator(_tuple), Field(max_length=MAX_IMAGES)]


def load_table(data: bytes | None) -> Table:
    """Read a table; None is the shipped one.

    Raises:
        EvidenceMalformed: it is none, or names an image twice.
        EvidenceTooLarge: it has more than 1 MiB.
    """
    if data is None:
        data = resources.files(__package__).joinpath(_SHIPPED).read_bytes()
    value = read_object(data, "The table of OS images", limit=LIMIT)
    try:
        table = Table.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise EvidenceMalformed(
            f"The table of OS images is not one: {where}: {first['msg']}.",
            advice=f"Its form is {SCHEMA}.",
        ) from None
    names = [image.name for image in table.images]
    if len(set(names)) != len(names):
        raise EvidenceMalformed("The table of OS images has a name twice.")
    return table
