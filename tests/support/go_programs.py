"""The Go programs that tools/build_go_programs.py builds: an S3 server, and helm.

Each is named by a variable or found on PATH; tests that need one which is not here are skipped.
"""

import os
import shutil

import pytest

VARIABLES = {"versitygw": "SP1TEE_VERSITYGW", "helm": "SP1TEE_HELM"}


def go_program(name: str) -> str:
    variable = VARIABLES[name]
    return os.environ.get(variable) or shutil.which(name) or _missing(name, variable)


def _missing(name: str, variable: str) -> str:
    pytest.skip(
        f"no {name} on PATH, and {variable} names none "
        f"(python tools/build_go_programs.py {name} builds it)"
    )
