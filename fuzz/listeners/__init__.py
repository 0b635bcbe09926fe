"""A real server's two listeners, over sockets, in the versions of HTTP that each speaks."""
