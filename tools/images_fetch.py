"""Fetch SP1's GPU server for an image, inside of the image's build: by version and hash, or not.

`python3 images_fetch.py FOLDER` puts `sp1-gpu-server` into a folder, out of the archive of SP1's
release `SP1_GPU_SERVER_VERSION`, whose SHA-256 has to be `SP1_GPU_SERVER_SHA256`. Without a hash
the folder stays empty: nothing is fetched that nobody has vouched for.
"""

import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from pathlib import Path
from typing import Final

PROGRAM: Final = "sp1-gpu-server"
RELEASES: Final = "https://github.com/succinctlabs/sp1/releases/download"
_MOST: Final = 2 << 30


def main() -> None:
    """Command line: the folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    if wanted := os.environ.get("SP1_GPU_SERVER_SHA256"):
        version = os.environ["SP1_GPU_SERVER_VERSION"]
        releases = os.environ.get("SP1_RELEASES", RELEASES)
        place(
            fetch(f"{releases}/v{version}/sp1_gpu_server_v{version}_x86_64.tar.gz"), wanted, folder
        )


def fetch(url: str) -> bytes:
    """Return what is at a URL."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - of this file's scheme
        content: bytes = answer.read(_MOST)
    return content


def place(archive: bytes, wanted: str, folder: Path) -> None:
    """Take the program out of an archive, if it is the one that is wanted."""
    found = hashlib.sha256(archive).hexdigest()
    if found != wanted.lower():
        sys.exit(f"the archive of {PROGRAM} has the SHA-256 {found}, not {wanted}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as unpacked:
        members = [each for each in unpacked if Path(each.name).name == PROGRAM and each.isfile()]
        if len(members) != 1:
            sys.exit(f"the archive has {len(members)} files of the name {PROGRAM}")
        content = unpacked.extractfile(members[0])
        assert content is not None
        (folder / PROGRAM).write_bytes(content.read())


if __name__ == "__main__":
    main()
