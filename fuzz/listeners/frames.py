"""HTTP/2 connections as lists of frames (RFC 9113 §4), so that they can be changed as such."""

import random
from collections.abc import Iterator, Sequence

from h2.config import H2Configuration
from h2.connection import H2Connection

from fuzz.mutation import mutated

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_HEAD = 9
_TYPES = 11
_LENGTHS = (0, 1, 5, 0x4000, 0x4001, 0xFFFFFF)
_WEIRD = 1 / 16


def connection(calls: Sequence[tuple[str, Sequence[tuple[str, str]], bytes]]) -> bytes:
    """Write a connection that makes gRPC calls: path, further headers, message."""
    wire = H2Connection(H2Configuration(client_side=True))
    wire.initiate_connection()
    for number, (path, more, message) in enumerate(calls):
        stream = 2 * number + 1
        wire.send_headers(stream, [*_usual(path), *more])
        framed = b"\0" + len(message).to_bytes(4, "big") + message
        for start in range(0, len(framed), wire.max_outbound_frame_size):
            wire.send_data(stream, framed[start : start + wire.max_outbound_frame_size])
        wire.end_stream(stream)
    return bytes(wire.data_to_send())


def _usual(path: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "prover.test"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]


def split(data: bytes) -> Iterator[bytes]:
    """Yield the frames behind a preface; the last one may be cut."""
    at = len(PREFACE)
    while at < len(data):
        size = _HEAD + int.from_bytes(data[at : at + 3], "big")
        yield data[at : at + size]
        at += size


def changed(corpus: Sequence[bytes], chance: random.Random, size: int) -> bytes:
    """Change frames of a connection, or now and then any of its bytes."""
    if chance.random() < _WEIRD:
        return mutated(corpus, chance, size)
    frames = list(split(chance.choice(corpus)))
    for _ in range(chance.randint(1, 4)):
        _change(frames, list(split(chance.choice(corpus))), chance)
    return (PREFACE + b"".join(frames))[:size]


def _change(frames: list[bytes], others: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(frames)) if frames else 0
    frame = frames[at] if frames else bytes(_HEAD)
    match chance.randrange(8):
        case 0:
            del frames[at : at + 1]
        case 1:
            frames[at:at] = [frame] * chance.choice((1, 2, 50))
        case 2 if others:
            frames.insert(at, chance.choice(others))
        case 3:
            chance.shuffle(frames)
        case 4:
            frames[at : at + 1] = [_headed(frame, chance)]
        case 5:
            payload = chance.randbytes(chance.choice((0, 4, 5, 8, 40)))
            kind = bytes([chance.randrange(_TYPES), chance.randrange(256)])
            stream = chance.choice((0, 1, 2, 3, 1 << 30)).to_bytes(4, "big")
            frames.insert(at, len(payload).to_bytes(3, "big") + kind + stream + payload)
        case _:
            payload = mutated([frame[_HEAD:]], chance, 1 << 14)
            frames[at : at + 1] = [len(payload).to_bytes(3, "big") + frame[3:_HEAD] + payload]


def _headed(frame: bytes, chance: random.Random) -> bytes:
    """Change a frame's length, type, flags or stream."""
    match chance.randrange(4):
        case 0:
            return chance.choice(_LENGTHS).to_bytes(3, "big") + frame[3:]
        case 1:
            return frame[:3] + bytes([chance.randrange(_TYPES)]) + frame[4:]
        case 2:
            return frame[:4] + bytes([chance.randrange(256)]) + frame[5:]
        case _:
            stream = chance.choice((0, 1, 3, 4, 5, 0x7FFFFFFF, 0xFFFFFFFF))
            return frame[:5] + stream.to_bytes(4, "big") + frame[_HEAD:]
