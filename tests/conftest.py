"""Settings every test shares."""

import functools
import inspect
import os
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import anyio
import pytest
from hypothesis import settings
from support.s3_server import S3Server, s3_server

# Before any test imports py-ecc itself, which would leave the recursion limit at 100,000.
import sp1tee.verify.proof.curve  # noqa: F401

# Nothing is ever asserted about time: the machines that run this are shared.
settings.register_profile("sp1tee", deadline=None)
settings.load_profile("sp1tee")

# Secrets that tests write are private, as they have to be.
os.umask(0o077)

# What nohup or a shell's background ignores, the processes that tests start would ignore, too.
for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


HANGING_S = 600
"""After this, a test is not slow but will never end."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Have a coroutine that hangs fail where it waits.

    For all else that hangs there is pytest's own faulthandler_timeout, which ends the whole run.
    """
    test = pyfuncitem.obj
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def ended(**arguments: Any) -> None:
            with anyio.fail_after(HANGING_S):
                await test(**arguments)

        pyfuncitem.obj = ended
    return (yield)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asyncio is what the servers run on."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keep one event loop for all tests.

    grpc.aio has one queue of events for the process: an event of a closed loop that comes late is
    thrown into whichever loop runs next.
    """
    yield  # noqa: PT022 - a fixture that returned would not hold the loop


@pytest.fixture(scope="session", autouse=True)
def _kept_privileges() -> Iterator[None]:
    """Let nothing that runs in this process give up what later tests need, which is for ever.

    That it is given up, tests see in processes of their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        for service in ("sp1tee.serve.service", "sp1tee.fulfill.service"):
            patch.setattr(f"{service}.drop_privileges", lambda: None)
        yield


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server; without one, the tests that want it are skipped."""
    with s3_server() as server:
        yield server
