"""The proxy: a listener for requesters, one for fulfillers, and the network behind them."""

import os

# h2corn allocates with mimalloc, which reads this when it is loaded: uploads that have ended give
# their buffers back at once, instead of after somebody allocates again.
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")
