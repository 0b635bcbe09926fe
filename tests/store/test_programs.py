"""Programs: one registration for each owner, one ELF for each registration."""

from pathlib import Path

import pytest
from support.stores import ALICE, BOB, VK_HASH, Room, a_program, opened

from sp1tee.errors import BlobErased, ProgramConflict
from sp1tee.store.records import Program

MALLORY = b"mallory".ljust(20)

pytestmark = pytest.mark.anyio


async def test_a_registered_program_is_found_by_its_owner(room: Room) -> None:
    program = await room.program(name="fib")
    assert (program.owner, program.name, program.size) == (ALICE, "fib", 4)
    assert await room.read(program.blob) == b"\x7fELF"
    assert await room.store.programs.get(VK_HASH, ALICE) == program
    assert await room.store.programs.get(VK_HASH, BOB) is None
    assert await room.store.programs.get(b"?" * 32, ALICE) is None


async def test_two_owners_may_mean_two_programs_by_one_hash(room: Room) -> None:
    await room.program(owner=BOB, elf=b"\x7fELF of Bob", vk=b"Bob's key")
    await room.program(owner=ALICE)
    elves = [await room.read((await found(room, owner)).blob) for owner in (ALICE, BOB)]
    assert elves == [b"\x7fELF", b"\x7fELF of Bob"]


async def test_the_oldest_registration_is_the_shared_one_made_first(room: Room) -> None:
    await room.program(owner=MALLORY, created_at=6)
    assert await room.store.programs.oldest(VK_HASH) is None
    first = await room.program(owner=BOB, created_at=7, shared=True)
    await room.program(owner=ALICE, created_at=8, shared=True)
    assert await room.store.programs.oldest(VK_HASH) == first


async def test_a_registration_that_was_shared_once_stays_so(room: Room) -> None:
    for shared, expected in ((False, False), (True, True), (False, True)):
        assert (await room.program(shared=shared)).shared is expected


async def test_registering_again_keeps_the_first_elf_and_the_last_uri(room: Room) -> None:
    first = await room.program()
    second = await room.seal(b"\x7fELF", "program")
    again = await room.store.programs.register(a_program(uri="uri:2", created_at=9), second)
    assert (again.blob, again.created_at, again.uri) == (first.blob, first.created_at, "uri:2")
    assert await found(room) == again
    assert await room.read(first.blob) == b"\x7fELF"
    with pytest.raises(BlobErased):
        await room.read(second.id)


async def test_confirming_needs_no_second_copy(room: Room) -> None:
    first = await room.program()
    again = await room.store.programs.confirm(a_program(uri="uri:2"), first.sha256)
    assert again is not None
    assert (again.blob, again.uri) == (first.blob, "uri:2")


async def test_only_what_is_registered_can_be_confirmed(room: Room) -> None:
    first = await room.program(owner=BOB)
    assert await room.store.programs.confirm(a_program(owner=ALICE), first.sha256) is None


@pytest.mark.parametrize(
    ("facts", "elf", "what"),
    [({"vk": b"another"}, b"\x7fELF", "verifying key"), ({}, b"\x7fELF2", "program")],
    ids=["another key", "another ELF"],
)
async def test_a_hash_does_not_mean_two_programs_to_one_owner(
    room: Room, facts: dict[str, bytes], elf: bytes, what: str
) -> None:
    first = await room.program()
    upload = await room.upload(elf, "program")
    sealed = await room.seal(elf, "program")
    with pytest.raises(ProgramConflict, match=f"another {what}"):
        await room.store.programs.register(a_program(**facts), sealed, upload=upload.id)
    assert await found(room) == first
    assert list(room.store._ground.shelf.directory.glob(f"*/{sealed.id}")) == []
    kept = await room.store.artifacts.get(upload.id)
    assert kept is not None
    assert kept.state == "uploaded"


async def test_an_upload_is_erased_once_its_program_is_registered(room: Room) -> None:
    for _ in range(3):
        upload = await room.upload(b"bincode, packed", "program")
        assert upload.blob is not None
        await room.program(upload=upload.id)
        erased = await room.store.artifacts.get(upload.id)
        assert erased is not None
        assert (erased.state, erased.blob) == ("erased", None)
        with pytest.raises(BlobErased):
            await room.read(upload.blob)
    assert (await room.store.requests.usage(ALICE)).bytes == len(b"\x7fELF")


async def test_a_program_counts_for_its_owner_alone(room: Room) -> None:
    await room.program(owner=ALICE)
    await room.program(b"2" * 32, owner=ALICE, elf=b"\x7fELF2")
    await room.program(owner=BOB)
    used = [(await room.store.requests.usage(owner)).bytes for owner in (ALICE, BOB)]
    assert used == [9, 4]


async def test_registrations_survive_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as room:
        kept = [await room.program(owner=owner) for owner in (ALICE, BOB)]
    async with opened(tmp_path) as room:
        assert [await found(room, owner) for owner in (ALICE, BOB)] == kept
        assert await room.read(kept[0].blob) == b"\x7fELF"


async def found(room: Room, owner: bytes = ALICE) -> Program:
    program = await room.store.programs.get(VK_HASH, owner)
    assert program is not None
    return program
