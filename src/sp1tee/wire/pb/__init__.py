"""Protocol buffers: the network's messages and ours. Generated from the `.proto` files beside them."""
