"""The fork server: ``python -I -m sp1tee.fulfill.executors.zygote PID``.

Loading the interpreter and the emulator takes a hundred times as long as a small guest runs. This
process does it once, confines itself (`sandbox`), and forks a child for every guest when it is
asked to over its standard input (`control`). It is as it was after loading, always: jobs and
results pass between the executor and the child by pipes that this process closes unread.

Children share its layout in memory and the seed of its hashes, so a guest that broke out could
learn where another's process keeps things. It gains nothing by that: it cannot speak to any other
process, each process runs one guest on one requester's input and ends, what it answers is read
strictly, and a job of the same requester could try the layout out anyway.

`PID` is the process that must be its parent. When that ends, it ends, and its children with it.
"""

import gc
import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

from sp1tee.fulfill.executors import child, control, machine, sandbox

_CONTROL: Final = 0


def main() -> None:
    """Fork children until the executor has gone."""
    machine.warm_up()
    gc.freeze()  # so that no collection in a child writes to, and thus copies, what is shared
    executor = socket.socket(fileno=_CONTROL)
    sandbox.confine_server(int(sys.argv[1]))
    _say(executor, control.READY)
    while True:
        request, descriptors, _, _ = socket.recv_fds(
            executor, control.SIZE, control.CHILD_DESCRIPTORS
        )
        if not request:
            return
        _answer(executor, control.decode(request), descriptors)


def _answer(executor: socket.socket, request: int, descriptors: Sequence[int]) -> None:
    if request == control.FORK:
        _fork(executor, descriptors)
        return
    _, status = os.waitpid(request, 0)
    _say(executor, os.waitstatus_to_exitcode(status))


def _fork(executor: socket.socket, descriptors: Sequence[int]) -> None:
    server = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        _say(executor, -(error.errno or 0))
    else:
        if not pid:
            child.main(server, *descriptors)
        pidfd = os.pidfd_open(pid)  # it is not collected yet, so the number is still its own
        _say(executor, pid, pidfd)
        os.close(pidfd)
    for descriptor in descriptors:
        os.close(descriptor)


def _say(executor: socket.socket, number: int, *descriptors: int) -> None:
    socket.send_fds(executor, [control.encode(number)], descriptors)


if __name__ == "__main__":
    main()
