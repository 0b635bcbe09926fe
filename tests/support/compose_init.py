"""The first process in an engine's own namespaces: it readies them, and reaps what the engine leaves.

    compose_init.py DESCRIPTOR ENGINE [ARGUMENT ...]

The engine takes the listening socket DESCRIPTOR as systemd hands one over. Whoever started this
holds its standard input: when that ends, so does the engine, and with this process all others.
"""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from typing import NoReturn

FIRST_HANDED_OVER = 3
GRACE_S = 30.0
# <linux/sockios.h>, <linux/if.h>
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def main() -> None:
    # An engine looks for containerd below /run, where that of the machine's own engine may be.
    subprocess.run(("mount", "-t", "tmpfs", "engine", "/run"), check=True)
    bring_loopback_up()
    engine = start(int(sys.argv[1]), sys.argv[2:])
    threading.Thread(target=stop_with_input, args=(engine,), daemon=True).start()
    while True:
        pid, status = os.wait()
        if pid == engine:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def bring_loopback_up() -> None:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def start(listening: int, command: list[str]) -> int:
    """Start the engine; returns its process id."""
    pid = os.fork()
    if pid == 0:
        become(listening, command)
    os.close(listening)
    return pid


def become(listening: int, command: list[str]) -> NoReturn:
    """Become the engine, which takes its socket as sd_listen_fds(3) has it."""
    if listening != FIRST_HANDED_OVER:
        os.dup2(listening, FIRST_HANDED_OVER)
    handed_over = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    os.execvpe(command[0], command, {**os.environ, **handed_over})


def stop_with_input(engine: int) -> None:
    sys.stdin.buffer.read()
    threading.Timer(GRACE_S, os._exit, (1,)).start()
    os.kill(engine, signal.SIGTERM)


if __name__ == "__main__":
    main()
