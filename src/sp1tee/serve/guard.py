"""What stands before every public method: the bearer token, and order in what goes wrong."""

from collections.abc import Callable
from functools import wraps

from sp1tee.errors import (
    BadReply,
    StoreUnavailable,
    TryLater,
    UpstreamError,
    UpstreamRefusal,
)
from sp1tee.logs import get
from sp1tee.serve.accounts import Accounts
from sp1tee.serve.rpc import Context, Method

_log = get(__name__)


def guarded(accounts: Accounts) -> Callable[[Method], Method]:
    """Return a decorator for methods that only callers with the token reach.

    A store that fails is told as UNAVAILABLE: an SDK then tries again for two minutes, while the
    operator frees the disk. An upstream network's refusal keeps its status and its text.
    """

    def guard(method: Method) -> Method:
        @wraps(method)
        async def call(request: bytes, context: Context) -> bytes:
            if accounts.asks_for_token:
                accounts.authorize(context.invocation_metadata())
            try:
                return await method(request, context)
            except StoreUnavailable as error:
                _log.error("store_failed", code=error.code, error=error.message)
                raise TryLater("The server cannot store anything at the moment.") from None
            except UpstreamError as error:
                raise UpstreamRefusal(error.message, status=error.status) from None
            except BadReply as error:
                _log.error("upstream_nonsense", code=error.code, error=error.message)
                raise TryLater("The upstream network's answer made no sense.") from None

        return call

    return guard
