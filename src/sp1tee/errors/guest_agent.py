"""What dstack's guest agent, on its socket inside the guest, did not do: exit 3."""

from sp1tee.errors.base import Sp1teeError


class GuestAgentError(Sp1teeError):
    """The guest agent did not do what it was asked."""

    code = "SP1TEE-G000"
    exit_code = 3


class AgentAway(GuestAgentError):  # noqa: N818 - it names who is away
    """No guest agent answers: there is no socket, nobody behind it, or it took too long."""

    code = "SP1TEE-G001"
    default_advice = (
        "Inside a dstack guest, mount its socket into the container: "
        "/var/run/dstack.sock:/var/run/dstack.sock (before dstack 0.4: tappd.sock)."
    )


class AgentRefused(GuestAgentError):  # noqa: N818 - it names who refused
    """The guest agent answers that it cannot or will not."""

    code = "SP1TEE-G002"
    default_advice = "The log of the guest agent, outside the containers, says more."


class AgentGarbled(GuestAgentError):  # noqa: N818 - it names what arrived
    """What answers at a socket is no guest agent of dstack's, or one that nobody here knows."""

    code = "SP1TEE-G003"
    default_advice = "Check that the socket is the one of dstack's guest agent, 0.3 to 0.6."
