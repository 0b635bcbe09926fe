"""`sp1tee prove`: one result on stdout, talk on stderr, a proof on disk."""

import json
import signal
import time
from pathlib import Path

import grpc
import pytest
from support.commands import Prove, Ran, Run, Start
from support.prover_stand_in import REQUEST_ID, ProverStandIn, Told, Trouble
from support.verifier_stand_in import (
    FAULTS,
    NAME,
    REFUTED,
    VERIFY,
    VerifierStandIn,
    verifier_stand_in,
)
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

from sp1tee.wire.artifacts import unpack
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.stdin import Stdin, decode_stdin
from sp1tee.wire.versions import Family


@pytest.fixture
def prove(sp1tee: Run, server: ProverStandIn, elf: Path, key_file: Path) -> Prove:
    def run(*arguments: object, program: object = elf) -> Ran:
        return sp1tee(
            *("prove", program, "--server", server.url, "--key-file", key_file), *arguments
        )

    return run


def mock(mode: Mode = Mode.GROTH16) -> bytes:
    return mock_proof(mode, Family.V6, SAMPLE_VK_HASH, SAMPLE_PUBLIC_VALUES).encode_network()


def sent(server: ProverStandIn) -> Stdin:
    return decode_stdin(unpack(server.puts[-1].body, 1 << 20))


def asked(server: ProverStandIn) -> types_pb2.RequestProofRequestBody:
    [request] = server.requests("RequestProof")
    return types_pb2.RequestProofRequestBody.FromString(
        types_pb2.SignedRequest.FromString(request).body
    )


def test_a_proof_is_saved_and_summed_up(
    prove: Prove, server: ProverStandIn, tmp_path: Path
) -> None:
    server.fulfil(real_proof("compressed"))
    ran = prove("--input", "00", "--mode", "compressed")
    assert ran.code == 0
    assert (tmp_path / "proof.bin").read_bytes() == real_proof("compressed")
    assert ran.out.splitlines() == [
        f"request id       {REQUEST_ID.hex()}",
        "proof            proof.bin",
        f"bytes            {len(real_proof('compressed'))}",
        "mode             compressed",
        "version          v6.1.0",
        f"public values    {SAMPLE_PUBLIC_VALUES.hex()}",
        "program checked  yes",
        "mock             no",
        "verified         no",
        "verification     claims checked, not verified: no sp1tee-prover here",
    ]


def test_the_summary_can_be_json(prove: Prove, server: ProverStandIn) -> None:
    server.fulfil(real_proof("core"))
    ran = prove("--format", "json", "-o", "my.proof")
    assert json.loads(ran.out) == {
        "request_id": REQUEST_ID.hex(),
        "proof": "my.proof",
        "bytes": len(real_proof("core")),
        "mode": "core",
        "version": "v6.1.0",
        "public_values": SAMPLE_PUBLIC_VALUES.hex(),
        "program_checked": False,
        "mock": False,
        "verified": False,
        "verification": "claims checked, not verified: no sp1tee-prover here",
    }


def test_a_mock_proof_is_called_one_loudly(prove: Prove, server: ProverStandIn) -> None:
    server.fulfil(mock())
    ran = prove("--mode", "groth16")
    assert ran.code == 0
    assert "MOCK PROOF: nothing is proved." in ran.err
    assert "mock             yes" in ran.out


def test_each_step_is_told_on_stderr(prove: Prove, server: ProverStandIn) -> None:
    server.fulfil(mock())
    err = prove("--mode", "groth16").err
    steps = ["looking the program up", "uploading the program to 127.0.0.1", "uploading the input"]
    assert all(step in err for step in [*steps, "waiting for the proof", "downloading the proof"])
    assert "UPLOADTOKEN" not in err
    assert "PROOFTOKEN" not in err


class TestVerifier:
    """With SP1's verifier, or what passes for it here."""

    @pytest.fixture
    def verifier(self, tmp_path: Path) -> VerifierStandIn:
        return verifier_stand_in(tmp_path / "bin")

    @pytest.mark.parametrize("mode", ["core", "compressed"])
    def test_a_proof_that_it_accepts_is_verified(
        self, prove: Prove, server: ProverStandIn, verifier: VerifierStandIn, mode: str
    ) -> None:
        server.fulfil(real_proof(mode))
        ran = prove("--mode", mode, "--prover-program", verifier.path, "--format", "json")
        assert ran.code == 0
        told = json.loads(ran.out)
        assert (told["verified"], told["verification"]) == (True, f"verified by {NAME}")
        assert told["program_checked"]
        [asked] = verifier.asked(VERIFY)
        assert asked["vk"] == sample("-vk.bin").hex()
        assert asked["public_values"] == SAMPLE_PUBLIC_VALUES.hex()

    def test_it_is_found_where_the_environment_says(
        self,
        prove: Prove,
        server: ProverStandIn,
        verifier: VerifierStandIn,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SP1TEE_PROVER", str(verifier.path))
        server.fulfil(real_proof("core"))
        assert f"verification     verified by {NAME}" in prove().out

    def test_a_proof_that_it_refutes_is_1_and_is_not_saved(
        self, prove: Prove, server: ProverStandIn, verifier: VerifierStandIn, tmp_path: Path
    ) -> None:
        damaged = bytearray(real_proof("core"))
        damaged[1_000_000] ^= 1
        server.fulfil(bytes(damaged))
        ran = prove("--prover-program", verifier.path)
        assert (ran.code, ran.out) == (1, "")
        assert f"error SP1TEE-P015: SP1's verifier refutes the proof: {REFUTED}." in ran.err
        assert "Rely on nothing in it" in ran.err
        assert not (tmp_path / "proof.bin").exists()

    @pytest.mark.parametrize("fault", FAULTS)
    def test_where_it_breaks_the_proof_is_saved_and_that_is_said_loudly(
        self, prove: Prove, server: ProverStandIn, tmp_path: Path, fault: str
    ) -> None:
        broken = verifier_stand_in(tmp_path / "bin", fault=fault)
        server.fulfil(real_proof("core"))
        ran = prove("--prover-program", broken.path, "--format", "json")
        assert ran.code == 0
        assert "NOT VERIFIED" in ran.err
        told = json.loads(ran.out)
        assert told["verified"] is None
        assert "SP1's verifier broke" in told["verification"]
        assert (tmp_path / "proof.bin").read_bytes() == real_proof("core")

    def test_a_mock_is_not_shown_to_it(
        self, prove: Prove, server: ProverStandIn, verifier: VerifierStandIn
    ) -> None:
        server.fulfil(mock())
        ran = prove("--mode", "groth16", "--prover-program", verifier.path)
        assert "verified         no" in ran.out
        assert "a mock: there is nothing to verify" in ran.out
        assert verifier.asked(VERIFY) == []

    def test_another_program_is_refused_before_anything_is_sent(
        self, prove: Prove, server: ProverStandIn
    ) -> None:
        ran = prove("--prover-program", "/bin/true")
        assert ran.code == 2
        assert "--prover-program" in ran.err
        assert server.calls == []


class TestInput:
    def test_buffers_may_be_hex_and_files_in_order(
        self, prove: Prove, server: ProverStandIn, tmp_path: Path
    ) -> None:
        (tmp_path / "b.bin").write_bytes(b"file")
        prove("--detach", "--input", "0x6162", "--input", "@b.bin", "--input", "")
        assert sent(server) == Stdin.of(b"ab", b"file", b"")

    def test_a_saved_input_goes_out_as_it_is(
        self, prove: Prove, server: ProverStandIn, tmp_path: Path
    ) -> None:
        (tmp_path / "saved").write_bytes(sample(".stdin"))
        prove("--detach", "--stdin", "saved")
        assert sent(server).encode() == sample(".stdin")

    def test_an_input_may_come_through_a_pipe(
        self, prove: Prove, server: ProverStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "saved").write_bytes(sample(".stdin"))
        with (tmp_path / "saved").open() as pipe:
            monkeypatch.setattr("sys.stdin", pipe)
            prove("--detach", "--stdin", "-")
        assert sent(server).encode() == sample(".stdin")

    def test_no_input_is_an_input_too(self, prove: Prove, server: ProverStandIn) -> None:
        prove("--detach")
        assert sent(server) == Stdin.of()

    @pytest.mark.parametrize(
        ("arguments", "code", "text"),
        [
            (["--stdin", "x", "--input", "00"], 2, "two ways"),
            (["--stdin", "missing"], 2, "missing cannot be read"),
            (["--input", "@missing"], 2, "missing cannot be read"),
            (["--input", "xyz"], 1, "The input is not hex digits"),
        ],
    )
    def test_an_unusable_input_is_refused_before_anything_is_sent(
        self, prove: Prove, server: ProverStandIn, arguments: list[str], code: int, text: str
    ) -> None:
        ran = prove(*arguments)
        assert ran.code == code
        assert text in ran.err
        assert server.calls == []


class TestOrder:
    def test_options_end_up_in_the_request(self, prove: Prove, server: ProverStandIn) -> None:
        limits = ["--cycle-limit", "10", "--gas-limit", "20"]
        before = int(time.time())
        prove("--detach", "--mode", "plonk", "--strategy", "hosted", *limits, "--timeout", "15m")
        body = asked(server)
        assert (body.mode, body.strategy) == (types_pb2.PLONK, types_pb2.HOSTED)
        assert (body.cycle_limit, body.gas_limit) == (10, 20)
        assert before + 900 <= body.deadline <= time.time() + 900

    def test_the_default_deadline_is_the_sdks(self, prove: Prove, server: ProverStandIn) -> None:
        prove("--detach")
        assert 14_300 < asked(server).deadline - time.time() <= 14_400

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--mode", "fast"],
            ["--timeout", "soon"],
            ["--timeout", "0"],
            ["--cycle-limit", "-1"],
            ["--dialect", "7"],
            ["--dialect", "5"],
            ["--vk-hash", "00"],
            ["--detach", "-o", "x"],
            ["--detach", "--prover-program", "x"],
            ["-o", "."],
            ["-o", "missing/x"],
            ["--server", "ftp://x"],
            ["--server", "http://prover.example"],
            ["--client-cert", "cert.pem"],
            ["--bearer-token-file", "missing"],
        ],
    )
    def test_what_makes_no_sense_is_refused_before_anything_is_sent(
        self, prove: Prove, server: ProverStandIn, arguments: list[str]
    ) -> None:
        ran = prove(*arguments)
        assert ran.code in (1, 2)
        assert ran.err
        assert ran.out == ""
        assert server.calls == []

    def test_a_bearer_token_comes_from_a_file(
        self, prove: Prove, server: ProverStandIn, tmp_path: Path
    ) -> None:
        (tmp_path / "token").write_text("letmein\n")
        prove("--detach", "--bearer-token-file", "token")
        assert {call.metadata["authorization"] for call in server.calls} == {"Bearer letmein"}


class TestKey:
    def test_the_key_file_may_be_named_by_a_variable(
        self,
        sp1tee: Run,
        server: ProverStandIn,
        elf: Path,
        key_file: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SP1TEE_KEY_FILE", str(key_file))
        monkeypatch.setenv("SP1TEE_SERVER", server.url)
        assert sp1tee("prove", elf, "--detach").code == 0

    def test_the_sdks_variables_are_understood(
        self, sp1tee: Run, server: ProverStandIn, elf: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NETWORK_PRIVATE_KEY", "0x" + "11" * 32)
        monkeypatch.setenv("NETWORK_RPC_URL", server.url)
        assert sp1tee("prove", elf, "--detach").code == 0

    def test_without_a_key_the_way_to_one_is_told(
        self, sp1tee: Run, server: ProverStandIn, elf: Path
    ) -> None:
        ran = sp1tee("prove", elf, "--server", server.url)
        assert ran.code == 2
        assert "sp1tee keys new" in ran.err

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
    def test_a_key_that_others_can_read_or_change_is_not_used(
        self, prove: Prove, key_file: Path, mode: int
    ) -> None:
        key_file.chmod(mode)
        ran = prove("--detach")
        assert ran.code == 2
        assert "SP1TEE-C003" in ran.err
        assert f"chmod 600 {key_file}" in ran.err.replace("\n", "")


class TestProgram:
    def test_without_a_verifying_key_the_way_to_one_is_told(
        self, prove: Prove, tmp_path: Path
    ) -> None:
        bare = tmp_path / "bare.elf"
        bare.write_bytes(sample(".elf"))
        ran = prove(program=bare)
        assert ran.code == 2
        assert "bincode::serialize(pk.verifying_key())" in ran.err

    def test_a_verifying_key_may_be_elsewhere(
        self, prove: Prove, server: ProverStandIn, elf: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "solvency.elf.vk").rename(tmp_path / "key.vk")
        assert prove("--detach", "--vk", "key.vk").code == 0

    def test_what_is_no_program_is_told_as_such(self, prove: Prove, key_file: Path) -> None:
        ran = prove(program=key_file)
        assert ran.code == 2
        assert "no ELF file" in ran.err


class TestFailure:
    def test_a_refusal_is_4_with_the_servers_words(
        self, prove: Prove, server: ProverStandIn
    ) -> None:
        metadata = (("sp1tee-code", "SP1TEE-R004"),)
        refusal = Trouble(grpc.StatusCode.PERMISSION_DENIED, "You are not on the list.", metadata)
        server.will("RequestProof", refusal)
        ran = prove()
        assert ran.code == 4
        assert "You are not on the list." in ran.err
        assert "Traceback" not in ran.err

    def test_a_program_that_fails_is_1_with_the_reason(
        self, prove: Prove, server: ProverStandIn
    ) -> None:
        failed = types_pb2.GetProofRequestStatusResponse(
            fulfillment_status=types_pb2.UNFULFILLABLE,
            execution_status=types_pb2.UNEXECUTABLE,
            deadline=1,
        )
        server.will("GetProofRequestStatus", Told(failed, "It halted with exit code 3.", "X"))
        ran = prove()
        assert ran.code == 1
        assert "It halted with exit code 3." in ran.err
        assert "sp1tee execute" in ran.err
        assert REQUEST_ID.hex() in ran.err

    def test_nobody_there_is_3(self, sp1tee: Run, elf: Path, key_file: Path) -> None:
        nowhere = ["--server", "http://127.0.0.1:1", "--retry-for", "0"]
        ran = sp1tee("prove", elf, "--key-file", key_file, *nowhere)
        assert ran.code == 3
        assert "SP1TEE-N001" in ran.err

    def test_a_proof_of_something_else_is_1_and_is_not_saved(
        self, prove: Prove, server: ProverStandIn, tmp_path: Path
    ) -> None:
        server.fulfil(real_proof("compressed"))
        ran = prove("--mode", "groth16")
        assert ran.code == 1
        assert "SP1TEE-W013" in ran.err
        assert not (tmp_path / "proof.bin").exists()

    def test_a_trouble_that_passes_is_told_and_waited_out(
        self, prove: Prove, server: ProverStandIn
    ) -> None:
        server.will("GetProgram", Trouble(grpc.StatusCode.UNAVAILABLE, "restarting"))
        ran = prove("--detach")
        assert ran.code == 0
        assert "restarting" in ran.err
        assert ran.out == f"{REQUEST_ID.hex()}\n"


def test_detached_it_prints_the_id_and_nothing_else(prove: Prove, server: ProverStandIn) -> None:
    ran = prove("--detach")
    assert ran.code == 0
    assert ran.out == f"{REQUEST_ID.hex()}\n"
    assert "GetProofRequestStatus" not in server.methods


def test_ctrl_c_while_waiting_is_130_and_leaves_the_id(
    process: Start, server: ProverStandIn, elf: Path, key_file: Path
) -> None:
    started = process("prove", elf, "--server", server.url, "--key-file", key_file)
    server.asked("GetProofRequestStatus").wait(30)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=30)
    assert started.returncode == 130
    assert REQUEST_ID.hex() in err
    assert "Traceback" not in err
    assert out == ""
