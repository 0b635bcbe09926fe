"""What a simulated network hears, byte for byte, in a file: for a search of what left a server."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, final

from sp1tee.sim.network.http import Receive, Scope


@final
class Recording:
    """Appends what comes in to a file; writes nothing without one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def write(self, what: str, headers: Iterable[tuple[object, object]], body: bytes) -> None:
        """Write down a call."""
        if self._path is not None:
            head = "".join(f"{name}: {value}\n" for name, value in headers)
            with self._path.open("ab") as file:
                file.write(f"{what}\n{head}".encode() + body + b"\n")

    def hearing(self, scope: Scope, receive: Receive) -> Receive:
        """Write down an HTTP request, and its body as it is read by what is returned."""
        self.write(f"{scope['method']} {scope['path']}", scope["headers"], b"")

        async def hear() -> Mapping[str, Any]:
            event = await receive()
            self.write("body", (), event.get("body", b""))
            return event

        return hear
