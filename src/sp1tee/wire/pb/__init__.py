"""Protocol buffers, the network's and ours, generated from the `.proto` files beside them."""
