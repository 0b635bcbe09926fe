"""Keeping peers from connecting, in the kernel, where it costs this process nothing.

A classic BPF program on a listening socket sees each packet that would begin a connection; what it
drops was never sent, as far as anybody can tell (https://docs.kernel.org/networking/filter.html).
Connections that stand are not touched: they carry the program of the moment they began.
"""

import ctypes
import socket
import struct
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from sp1tee import logs
from sp1tee.serve.door.peers import Address

MOST: Final = 250
"""Peers that can be kept out at a time; a program has an end."""

_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_NETWORK_HEADER: Final = -0x100000
_IPV4_SOURCE: Final = _NETWORK_HEADER + 12
_IPV6_SOURCE: Final = _NETWORK_HEADER + 8

_LOAD, _LOAD_BYTE, _SHIFT_RIGHT, _JUMP, _IF_EQUAL, _RETURN = 0x20, 0x30, 0x74, 0x05, 0x15, 0x06
_KEEP: Final = 0xFFFFFFFF
_DROP: Final = 0

_log = logs.get(__name__)

Instruction = tuple[int, int, int, int]


class Barrier:
    """Keeps peers out of one listening socket."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self._out: frozenset[Address] = frozenset()
        self._works = True

    def keep_out(self, peers: Collection[Address]) -> None:
        """Let exactly these peers begin no connection from now on."""
        out = frozenset(sorted(peers, key=str)[:MOST])
        if out == self._out or not self._works:
            return
        self._out = out
        try:
            self._set(program(out))
        except OSError as error:
            # A sandbox may not offer it. What is counted after it was accepted still holds.
            self._works = False
            _log.warning("peers cannot be kept out by the kernel", reason=error.strerror)

    def _set(self, instructions: list[Instruction]) -> None:
        code = b"".join(struct.pack("=HBBI", *each) for each in instructions)
        if not self._out:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
            return
        held = ctypes.create_string_buffer(code, len(code))
        pointer = struct.pack("@HP", len(instructions), ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


def program(out: Collection[Address]) -> list[Instruction]:
    """Write the program that drops what comes from these peers."""
    four = [each for address in out if isinstance(address, IPv4Address) for each in _four(address)]
    six = [each for address in out if isinstance(address, IPv6Address) for each in _six(address)]
    keep = (_RETURN, 0, 0, _KEEP)
    return [
        (_LOAD_BYTE, 0, 0, _NETWORK_HEADER & _KEEP),
        (_SHIFT_RIGHT, 0, 0, 4),
        (_IF_EQUAL, 0, 1, 4),
        (_JUMP, 0, 0, len(six) + 1),
        *six,
        keep,
        (_LOAD, 0, 0, _IPV4_SOURCE & _KEEP),
        *four,
        keep,
    ]


def _four(address: IPv4Address) -> list[Instruction]:
    return [(_IF_EQUAL, 0, 1, int(address)), (_RETURN, 0, 0, _DROP)]


def _six(address: IPv6Address) -> list[Instruction]:
    high, low = struct.unpack(">II", address.packed[:8])
    return [
        (_LOAD, 0, 0, _IPV6_SOURCE & _KEEP),
        (_IF_EQUAL, 0, 3, high),
        (_LOAD, 0, 0, (_IPV6_SOURCE + 4) & _KEEP),
        (_IF_EQUAL, 0, 1, low),
        (_RETURN, 0, 0, _DROP),
    ]
