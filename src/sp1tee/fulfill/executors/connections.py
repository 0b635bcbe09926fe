"""Connections to a native server, opened ahead: behind each one, a process gets ready for a run."""

from collections import deque
from contextlib import suppress
from typing import Final

from sp1tee.errors import NativeError, NativeGone
from sp1tee.native.client import Client
from sp1tee.native.frames import Info
from sp1tee.native.process import NativeServer

_ANSWER_SECONDS: Final = 10.0


class Connections:
    """Keeps `warm` connections ready; each leaves for good when it is taken. For many threads.

    Attributes:
        info: who answered last.
    """

    info: Info | None = None

    def __init__(self, server: NativeServer, warm: int) -> None:
        self._server = server
        self._warm = warm
        self._ready: deque[Client] = deque()
        self._closed = False

    def take(self) -> Client:
        """Return a connection that nobody has used; raises `NativeError` if there is no server."""
        with suppress(IndexError):
            while True:
                client = self._ready.popleft()
                if self._answers(client):
                    return client
        client = self._connect()
        # A server that ends may still have taken the connection.
        return client if self._answers(client) else self._connect()

    def refill(self) -> None:
        """Open what is missing; whoever takes the next one learns why that was not possible."""
        with suppress(NativeError):
            while len(self._ready) < self._warm:
                self._ready.append(self._connect())

    def close(self) -> None:
        """End all connections that wait, and the server."""
        self._closed = True
        while self._ready:
            self._ready.popleft().close()
        self._server.close()

    def _connect(self) -> Client:
        if self._closed:
            raise NativeGone("The executor is closed.", advice="")
        return self._server.connect()

    def _answers(self, client: Client) -> bool:
        """Tell whether its server is still the one that it was connected to."""
        try:
            self.info = client.info(_ANSWER_SECONDS)
        except NativeError:
            client.close()
            return False
        return True
