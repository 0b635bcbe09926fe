"""A certification service on loopback that serves real collateral as Intel's does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Pccs:
    """Answers by path, and the paths that were asked for."""

    url: str
    answers: dict[str, Answer]
    asked: list[str] = field(default_factory=list)

    def change(self, part: str, answer: Answer) -> None:
        """Replace the answer whose path contains a part."""
        self.answers[self.path(part)] = answer

    def body(self, part: str) -> bytes:
        return self.answers[self.path(part)][2]

    def path(self, part: str) -> str:
        (path,) = [path for path in self.answers if part in path]
        return path


def answers_of(collateral: bytes) -> dict[str, Answer]:
    """Take a collateral file apart into what the service answers, as Intel's PCS v4 does."""
    value = json.loads(collateral)
    fmspc = json.loads(value["tcb_info"])["fmspc"].upper()
    signed = '{{"{}":{},"signature":"{}"}}'.format
    tcb = signed("tcbInfo", value["tcb_info"], value["tcb_info_signature"])
    identity = signed("enclaveIdentity", value["qe_identity"], value["qe_identity_signature"])
    return {
        "/sgx/certification/v4/pckcrl?ca=platform&encoding=der": (
            200,
            {"SGX-PCK-CRL-Issuer-Chain": quote(value["pck_crl_issuer_chain"])},
            bytes.fromhex(value["pck_crl"]),
        ),
        f"/tdx/certification/v4/tcb?fmspc={fmspc}": (
            200,
            {"TCB-Info-Issuer-Chain": quote(value["tcb_info_issuer_chain"])},
            tcb.encode(),
        ),
        "/tdx/certification/v4/qe/identity": (
            200,
            {"SGX-Enclave-Identity-Issuer-Chain": quote(value["qe_identity_issuer_chain"])},
            identity.encode(),
        ),
        # A PCCS writes this one in hex; Intel serves it as it is, elsewhere.
        "/sgx/certification/v4/rootcacrl": (200, {}, value["root_ca_crl"].encode()),
    }


@contextmanager
def pccs(collateral: bytes) -> Iterator[Pccs]:
    """Serve collateral until the end of the block."""
    service = Pccs("", answers_of(collateral))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append(self.path)
            status, headers, body = service.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
