"""The proxy: a listener for requesters, one for fulfillers, and the network behind them."""
