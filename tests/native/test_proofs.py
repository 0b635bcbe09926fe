"""Setup and Verify, with real proofs and SP1's own verifier."""

import hashlib

import pytest
from native.peer import Client, Failure, Server
from support.wire_data import SAMPLE_PUBLIC_VALUES, real_proof, sample

from sp1tee import guests
from sp1tee.wire.versions import Family

pytestmark = [pytest.mark.native, pytest.mark.usefixtures("built")]

ELF = sample(".elf")
VK = sample("-vk.bin")


def test_setup_names_a_program_and_gives_its_key(client: Client) -> None:
    assert client.setup(ELF) == (hashlib.sha256(ELF).digest(), VK)


@pytest.mark.parametrize("name", guests.NAMES)
def test_keys_are_those_the_guests_come_with(client: Client, name: str) -> None:
    guest = guests.load(name, Family.V6)
    answer = client.setup(guest.elf)
    assert isinstance(answer, tuple)
    assert answer[1] == guest.vk


def test_a_program_is_known_until_it_is_destroyed(client: Client) -> None:
    answer = client.setup(ELF)
    assert isinstance(answer, tuple)
    assert client.setup(ELF) == answer
    key = answer[0]
    # This server makes no proofs, and says so for programs it knows.
    assert client.prove(1, key, sample(".stdin")) == Failure(
        3, "Core proofs are not made here, only []"
    )
    client.destroy(key)
    unknown = client.prove(1, key, sample(".stdin"))
    assert isinstance(unknown, Failure)
    assert unknown.tag == 4


def test_programs_belong_to_their_connection(client: Client, server: Server) -> None:
    answer = client.setup(ELF)
    assert isinstance(answer, tuple)
    with Client(server.path) as other:
        refused = other.prove(1, answer[0], sample(".stdin"))
    assert isinstance(refused, Failure)
    assert refused.tag == 4


@pytest.mark.parametrize("mode", ["core", "compressed"])
def test_a_real_proof_holds(client: Client, mode: str) -> None:
    proof = real_proof(mode)
    assert client.verify(VK, SAMPLE_PUBLIC_VALUES, proof) == ""
    # Without the byte that the SDK's file has and the network's artifact doesn't.
    assert client.verify(VK, SAMPLE_PUBLIC_VALUES, proof[:-1]) == ""


@pytest.mark.parametrize("mode", ["core", "compressed"])
def test_a_proof_of_something_else_is_refused(client: Client, mode: str) -> None:
    proof = real_proof(mode)
    other_program = guests.load("fibonacci", Family.V6).vk
    assert other_program is not None
    assert client.verify(other_program, SAMPLE_PUBLIC_VALUES, proof)
    assert "public values" in str(client.verify(VK, bytes(9), proof))
    forged = proof.replace(SAMPLE_PUBLIC_VALUES, bytes(9))
    assert forged != proof
    assert client.verify(VK, bytes(9), forged)


@pytest.mark.parametrize("mode", ["core", "compressed"])
@pytest.mark.parametrize("place", [0.1, 0.4, 0.7])
def test_a_flipped_bit_is_noticed(client: Client, mode: str, place: float) -> None:
    proof = bytearray(real_proof(mode))
    proof[int(len(proof) * place)] ^= 1
    answer = client.verify(VK, SAMPLE_PUBLIC_VALUES, bytes(proof))
    assert answer
    assert client.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof(mode)) == ""


def test_nonsense_is_no_proof(client: Client) -> None:
    assert "cannot be read" in str(client.verify(VK, b"", b"\xff" * 100))
    assert "cannot be read" in str(client.verify(b"", b"", real_proof("core")))
    assert client.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof("core")[:1000])
