"""`sp1tee status` and `sp1tee wait`: from any machine, with nothing but the id."""

import json
from pathlib import Path

import pytest
from support.commands import Run
from support.prover_stand_in import ASSIGNED, REQUEST_ID, ProverStandIn, Told
from support.verifier_stand_in import NAME, VERIFY, verifier_stand_in
from support.wire_data import SAMPLE_VK_HASH, real_proof

from sp1tee.wire.pb import types_pb2

ID = REQUEST_ID.hex()


@pytest.fixture(autouse=True)
def _server(server: ProverStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SP1TEE_SERVER", server.url)


def failed() -> Told:
    status = types_pb2.GetProofRequestStatusResponse(
        fulfillment_status=types_pb2.UNFULFILLABLE,
        execution_status=types_pb2.EXECUTED,
        deadline=1_800_000_000,
    )
    return Told(status, "The prover ran out of memory.", "SP1TEE-F007")


class TestStatus:
    def test_it_shows_how_far_a_request_is(self, sp1tee: Run, server: ProverStandIn) -> None:
        ran = sp1tee("status", ID)
        assert ran.code == 0
        assert ran.out.splitlines() == [
            f"request id  {ID}",
            "state       assigned",
            "execution   unexecuted",
            "deadline    2096-10-02T07:06:40+00:00",
        ]
        assert server.methods == ["GetProofRequestStatus"]

    def test_a_failure_is_an_answer(self, sp1tee: Run, server: ProverStandIn) -> None:
        server.will("GetProofRequestStatus", failed())
        ran = sp1tee("status", f"0x{ID}", "--format", "json")
        assert ran.code == 0
        assert json.loads(ran.out) == {
            "request_id": ID,
            "state": "unfulfillable",
            "execution": "executed",
            "deadline": "2027-01-15T08:00:00+00:00",
            "reason": "The prover ran out of memory.",
            "code": "SP1TEE-F007",
        }

    def test_a_deadline_beyond_the_calendar_is_shown_as_it_is(
        self, sp1tee: Run, server: ProverStandIn
    ) -> None:
        endless = types_pb2.GetProofRequestStatusResponse(
            fulfillment_status=types_pb2.ASSIGNED, deadline=2**64 - 1
        )
        server.will("GetProofRequestStatus", endless)
        ran = sp1tee("status", ID)
        assert ran.code == 0
        assert f"{2**64 - 1} seconds after 1970" in ran.out

    def test_where_the_proof_is_stays_unsaid(self, sp1tee: Run, server: ProverStandIn) -> None:
        server.fulfil(b"")
        ran = sp1tee("status", ID, "--format", "json")
        assert json.loads(ran.out)["state"] == "fulfilled"
        assert "PROOFTOKEN" not in ran.out + ran.err

    @pytest.mark.parametrize("wrong", ["", "xyz", ID[:-2], ID + "00"])
    def test_what_is_no_id_is_refused(self, sp1tee: Run, server: ProverStandIn, wrong: str) -> None:
        ran = sp1tee("status", wrong)
        assert ran.code != 0
        assert "request id" in ran.err
        assert server.calls == []


class TestWait:
    def test_it_fetches_the_proof(self, sp1tee: Run, server: ProverStandIn, tmp_path: Path) -> None:
        server.will("GetProofRequestStatus", ASSIGNED)
        server.fulfil(real_proof("compressed"))
        ran = sp1tee("wait", ID, "-o", "x.proof")
        assert ran.code == 0
        assert (tmp_path / "x.proof").read_bytes() == real_proof("compressed")
        assert "program checked  no" in ran.out

    def test_given_the_program_it_checks_that_too(
        self, sp1tee: Run, server: ProverStandIn, elf: Path
    ) -> None:
        server.fulfil(real_proof("compressed"))
        assert "program checked  yes" in sp1tee("wait", ID, "--program", elf).out
        assert "program checked  yes" in sp1tee("wait", ID, "--vk-hash", SAMPLE_VK_HASH.hex()).out

    @pytest.mark.parametrize("mode", ["core", "compressed"])
    def test_given_the_program_or_its_key_the_proof_is_verified(
        self, sp1tee: Run, server: ProverStandIn, elf: Path, tmp_path: Path, mode: str
    ) -> None:
        verifier = verifier_stand_in(tmp_path / "bin")
        server.fulfil(real_proof(mode))
        vk = elf.with_name("solvency.elf.vk")
        for known in (["--program", elf], ["--vk", vk]):
            out = sp1tee("wait", ID, *known, "--prover-program", verifier.path).out
            assert f"verification     verified by {NAME}" in out
            assert "program checked  yes" in out
        assert len(verifier.asked(VERIFY)) == 2

    @pytest.mark.parametrize("known", [[], ["--vk-hash", SAMPLE_VK_HASH.hex()]])
    def test_without_the_whole_key_it_says_that_nothing_was_verified(
        self, sp1tee: Run, server: ProverStandIn, tmp_path: Path, known: list[str]
    ) -> None:
        verifier = verifier_stand_in(tmp_path / "bin")
        server.fulfil(real_proof("compressed"))
        ran = sp1tee("wait", ID, *known, "--prover-program", verifier.path, "--format", "json")
        assert ran.code == 0
        told = json.loads(ran.out)
        assert told["verified"] is False
        assert told["verification"].endswith("not verified: the program's key is not known here")
        assert verifier.asked(VERIFY) == []

    def test_a_proof_that_the_verifier_refutes_is_1_and_not_saved(
        self, sp1tee: Run, server: ProverStandIn, elf: Path, tmp_path: Path
    ) -> None:
        verifier = verifier_stand_in(tmp_path / "bin")
        damaged = bytearray(real_proof("core"))
        damaged[1_000_000] ^= 1
        server.fulfil(bytes(damaged))
        ran = sp1tee("wait", ID, "--program", elf, "--prover-program", verifier.path)
        assert (ran.code, ran.out) == (1, "")
        assert "SP1TEE-P015" in ran.err
        assert not (tmp_path / "proof.bin").exists()

    def test_a_key_and_a_hash_that_disagree_are_refused(
        self, sp1tee: Run, server: ProverStandIn, elf: Path
    ) -> None:
        vk = elf.with_name("solvency.elf.vk")
        ran = sp1tee("wait", ID, "--vk", vk, "--vk-hash", "00" * 32)
        assert ran.code == 2
        assert server.calls == []

    def test_a_proof_of_another_program_is_refused(
        self, sp1tee: Run, server: ProverStandIn
    ) -> None:
        server.fulfil(real_proof("compressed"))
        ran = sp1tee("wait", ID, "--vk-hash", "00" * 32)
        assert ran.code == 1
        assert "another program" in ran.err

    def test_it_can_look_once(self, sp1tee: Run) -> None:
        ran = sp1tee("wait", ID, "--timeout", "0")
        assert ran.code == 1
        assert "SP1TEE-P006" in ran.err

    def test_a_request_that_failed_is_told_with_its_reason(
        self, sp1tee: Run, server: ProverStandIn
    ) -> None:
        server.will("GetProofRequestStatus", failed())
        ran = sp1tee("wait", ID)
        assert ran.code == 1
        assert "The prover ran out of memory." in ran.err
