"""The operating system image: what booted, before anything of the application was measured.

MRTD is of the virtual firmware, RTMR1 of the kernel, RTMR2 of its command line and initrd. They
alone stop a guest of somebody's own making from extending RTMR3 with whatever a reader wants.
"""

from sp1tee.verify.osimage.examining import OsFacts, Registers, examine
from sp1tee.verify.osimage.judging import judge
from sp1tee.verify.osimage.rules import RULES
from sp1tee.verify.osimage.table import LIMIT, Image, Table, load_table

__all__ = [
    "LIMIT",
    "RULES",
    "Image",
    "OsFacts",
    "Registers",
    "Table",
    "examine",
    "judge",
    "load_table",
]
