"""Evidence files as dstack-ingress writes them."""

import hashlib
import json
from collections.abc import Mapping

URI = "https://acme-v02.api.letsencrypt.org/acme/acct/2655379526"


def account(uri: str = URI) -> bytes:
    """certbot's regr.json."""
    return json.dumps({"body": {}, "uri": uri}).encode()


def listing(files: Mapping[str, bytes]) -> bytes:
    """GNU sha256sum's output."""
    return b"".join(
        f"{hashlib.sha256(body).hexdigest()}  {name}\n".encode() for name, body in files.items()
    )


def evidence(certificates: Mapping[str, bytes], uri: str = URI) -> dict[str, bytes]:
    """A whole directory; `certificates` maps names of files to PEM chains."""
    files = {"acme-account.json": account(uri), **certificates}
    return {"sha256sum.txt": listing(files), **files}
