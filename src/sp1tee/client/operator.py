"""The operator's calls: JSON over HTTP to a server's worker listener."""

import json
from collections.abc import Mapping
from typing import Any, Final, Self

import requests

from sp1tee import __version__
from sp1tee.client.endpoint import Endpoint
from sp1tee.client.http_replies import judge
from sp1tee.errors import BadReply, NetworkError, Unreachable

_SECONDS: Final = 15.0
_LONGEST: Final = 16 << 20


class Operator:
    """Asks one server, as its operator. A context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare to ask; `endpoint.bearer_token` is the admin token."""
        self._endpoint = endpoint
        self._session = requests.Session()
        # The token goes to this server alone: no proxies, and no passwords from ~/.netrc.
        self._session.trust_env = False
        self._session.headers.update(
            {
                "user-agent": f"sp1tee/{__version__}",
                "authorization": f"Bearer {endpoint.bearer_token}",
            }
        )
        if endpoint.client_cert and endpoint.client_key:
            self._session.cert = (str(endpoint.client_cert), str(endpoint.client_key))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, path: str, what: str, **query: str | None) -> Mapping[str, Any]:
        """Ask for something; fields of the query that are None are left out.

        Args:
            path: below ``/admin/``.
            what: what the server should do, in words that fit behind "to".
            query: what is asked.

        Raises:
            Unreachable: the server is away, or out of order.
            ServerRefusal: it does not answer this.
            BadReply: it is no server of ours.
        """
        return self._call("GET", path, what, query=query)

    def post(self, path: str, what: str, content: object = None) -> Mapping[str, Any]:
        """Have something done; arguments and errors as `get` has them."""
        return self._call("POST", path, what, content=content)

    def _call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: Mapping[str, str | None] | None = None,
        content: object = None,
    ) -> Mapping[str, Any]:
        ca_file = self._endpoint.ca_file
        try:
            with self._session.request(
                method,
                f"{self._endpoint.url}/admin/{path}",
                params=query,
                json=content,
                stream=True,
                timeout=_SECONDS,
                allow_redirects=False,
                verify=str(ca_file) if ca_file else True,
            ) as response:
                judge(response, what)
                return _read(response)
        except OSError as error:
            raise _broken(error) from None


def _read(response: requests.Response) -> Mapping[str, Any]:
    data = bytearray()
    for block in response.iter_content(1 << 16):
        data += block
        if len(data) > _LONGEST:
            raise BadReply(f"The answer is longer than {_LONGEST} bytes.")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise BadReply(
            "The answer is not one of a server's worker listener.",
            advice="Give its address with --server, port 8081 by default.",
        )
    return content


def _broken(error: OSError) -> NetworkError:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NetworkError(
            "The server's certificate is not trusted.", advice="Give its authority: --ca-file."
        )
    return Unreachable(
        f"The server's worker listener cannot be reached ({type(error).__name__}).",
        advice="Give its address with --server; on the server's machine the default does.",
    )
