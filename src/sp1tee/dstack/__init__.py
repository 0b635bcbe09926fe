"""dstack's guest agent, as a container inside the guest meets it: keys, quotes, who it is.

The agent is whoever listens at its socket. Inside a genuine guest that is the measured operating
system; that the guest is genuine is for `sp1tee verify` to show, from outside.
"""

from sp1tee.dstack.agent import GuestAgent
from sp1tee.dstack.answers import Guest, Quote
from sp1tee.dstack.sockets import find_socket

__all__ = ["Guest", "GuestAgent", "Quote", "find_socket"]
