"""A verifier that says what it is told to say, and remembers what it was asked."""

from dataclasses import dataclass, field

from sp1tee.errors import NativeError


@dataclass
class Oracle:
    """In the place of SP1's verifier; accepts unless told otherwise."""

    reason: str = ""
    error: NativeError | None = None
    circuit: str = "v6.1.0"
    name: str = "oracle 1.0 (SP1 6.10.0)"
    asked: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)

    def verify(self, vk: bytes, public_values: bytes, proof: bytes) -> str:
        self.asked.append((vk, public_values, proof))
        if self.error:
            raise self.error
        return self.reason
