"""What a worker says of itself, read with suspicion."""

from sp1tee.serve.worker_messages import capabilities_of
from sp1tee.wire.pb import worker_pb2


def test_modes_that_nobody_can_ask_for_are_left_out() -> None:
    offered = worker_pb2.Capability(version="sp1-v6.1.0", modes=[1, 0, 99, 2])
    request = worker_pb2.LeaseRequest(worker="newer", capabilities=[offered])
    assert [able.modes for able in capabilities_of(request)] == [frozenset({1, 2})]
