"""The methods of the two services: which message each takes and who answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from sp1tee.sim.network.asking import Asking
from sp1tee.sim.network.fulfilling import Fulfilling
from sp1tee.sim.network.requesting import Requesting
from sp1tee.sim.network.strict import decode
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2

M = TypeVar("M", bound=Message)

Handler = Callable[[bytes], bytes]
"""Answers an encoded request message; raises `NetworkRefusal` instead of answering."""

Services = Mapping[str, Mapping[str, Handler]]
"""Handlers by service and method name."""


@dataclass(frozen=True, slots=True)
class _Typed(Generic[M]):
    kind: type[M]
    answer: Callable[[M], Message]

    def __call__(self, data: bytes) -> bytes:
        return self.answer(decode(self.kind, data)).SerializeToString()


def services(asking: Asking, requesting: Requesting, fulfilling: Fulfilling) -> Services:
    """Return everything the network answers; any other method is UNIMPLEMENTED."""
    signed = types_pb2.SignedRequest
    return {
        "artifact.ArtifactStore": {
            "CreateArtifact": _Typed(
                artifact_pb2.CreateArtifactRequest, requesting.create_artifact
            ),
        },
        "network.ProverNetwork": {
            "CreateProgram": _Typed(signed, requesting.create_program),
            "RequestProof": _Typed(signed, requesting.request_proof),
            "CancelRequest": _Typed(signed, requesting.cancel_request),
            "FulfillProof": _Typed(signed, fulfilling.fulfill_proof),
            "FailFulfillment": _Typed(signed, fulfilling.fail_fulfillment),
            "GetStdinUri": _Typed(signed, fulfilling.get_stdin_uri),
            **_questions(asking),
        },
    }


def _questions(asking: Asking) -> Mapping[str, Handler]:
    return {
        "GetNonce": _Typed(types_pb2.GetNonceRequest, asking.get_nonce),
        "GetProgram": _Typed(types_pb2.GetProgramRequest, asking.get_program),
        "GetProofRequestStatus": _Typed(types_pb2.GetProofRequestStatusRequest, asking.get_status),
        "GetProofRequestDetails": _Typed(
            types_pb2.GetProofRequestDetailsRequest, asking.get_details
        ),
        "GetFilteredProofRequests": _Typed(
            types_pb2.GetFilteredProofRequestsRequest, asking.list_requests
        ),
        "GetBalance": _Typed(types_pb2.GetBalanceRequest, asking.get_balance),
        "GetOwner": _Typed(types_pb2.GetOwnerRequest, asking.get_owner),
        "GetProofRequestParams": _Typed(
            auction_pb2.GetProofRequestParamsRequest, asking.get_params
        ),
        "GetProversByUptime": _Typed(auction_pb2.GetProversByUptimeRequest, asking.get_provers),
        "GetMarketPricePerPgu": _Typed(types_pb2.GetMarketPricePerPguRequest, asking.get_price),
    }
