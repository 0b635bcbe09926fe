"""HTTP for event loops: httpx's client, without what it makes of connections that die young."""

from typing import Any

import httpx


class HttpClient(httpx.AsyncClient):
    """An HTTP client all of whose connections fail as `httpx.TransportError`.

    On uvloop a connection that is reset as soon as it is made, as by a server that is killed just
    then, has no socket any more when anyio (4.16) asks that for its peer's name.
    """

    async def send(self, request: httpx.Request, **how: Any) -> httpx.Response:
        """Send a request. See `httpx.AsyncClient.send`."""
        try:
            return await super().send(request, **how)
        except AttributeError as error:
            if error.name != "getpeername" or error.obj is not None:
                raise
        raise httpx.ConnectError("The connection was reset as it was made.", request=request)
