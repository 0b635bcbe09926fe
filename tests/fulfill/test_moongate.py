"""SP1 v5's GPU prover, as far as it can be driven without knowing its encodings."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fulfilling import sample_work, settings_for, within, working
from support.moongate import MoongateStandIn, byte_string, message
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH
from support.worker_listener import WorkerListener

from sp1tee import guests
from sp1tee.errors import (
    ClaimMismatch,
    ConfigError,
    OffHostRefused,
    ProverFailed,
    ProverUnavailable,
)
from sp1tee.fulfill.assembly import make_provers
from sp1tee.fulfill.doctor import check_up
from sp1tee.fulfill.provers import ProveTask
from sp1tee.fulfill.provers.moongate import (
    VERSION,
    MoongateProver,
    shard_proofs,
    split_keys,
)
from sp1tee.fulfill.provers.off_host import Reach
from sp1tee.fulfill.selfcheck import check_proof
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.wire.modes import Mode
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family, parse_version

pytestmark = pytest.mark.anyio

FAR = 4_000_000_000
STDIN = Stdin.of(b"a private balance").encode()


@pytest.fixture
def moongate() -> Iterator[MoongateStandIn]:
    with MoongateStandIn(SAMPLE_VK_HASH, SAMPLE_PUBLIC_VALUES) as stand_in:
        yield stand_in


@asynccontextmanager
async def proving(url: str) -> AsyncIterator[MoongateProver]:
    prover = MoongateProver(url, Reach())
    try:
        yield prover
    finally:
        await prover.aclose()


def a_task(mode: Mode = Mode.COMPRESSED, **changes: Any) -> ProveTask:
    facts: dict[str, Any] = {
        "elf": b"\x7fELF of a program",
        "elf_sha256": b"its digest",
        "stdin": STDIN,
        "deferred_proofs": 0,
        "version": VERSION,
        "mode": mode,
        "vk_hash": SAMPLE_VK_HASH,
        "vk": b"",
        "public_values": SAMPLE_PUBLIC_VALUES,
    }
    return ProveTask(**{**facts, **changes})


async def prove(moongate: MoongateStandIn, task: ProveTask) -> bytes:
    async with proving(moongate.url) as prover:
        made = await within(prover.prove(task, FAR))
        await prover.verify(task, made)
        return made.proof


# --- a proof ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.CORE, Mode.COMPRESSED])
async def test_a_proof_is_put_together_from_parts_nobody_here_can_read(
    moongate: MoongateStandIn, mode: Mode
):
    proof = await prove(moongate, a_task(mode))
    part = moongate.shards if mode is Mode.CORE else moongate.reduced
    tail = byte_string(SAMPLE_PUBLIC_VALUES) + byte_string(b"v5.0.0")
    assert proof == bytes([mode.variant, 0, 0, 0]) + part + tail
    check_proof(proof, a_task(mode), mock=False)


async def test_each_call_gets_what_moongate_expects(moongate: MoongateStandIn):
    task = a_task()
    await prove(moongate, task)
    program = byte_string(task.elf)
    assert moongate.calls[:2] == [
        ("Setup", message(program)),
        ("ProveCoreStateless", message(STDIN + moongate.proving_key(program))),
    ]
    assert moongate.methods[2:] == ["Compress"]


async def test_keys_are_made_once_for_programs_in_a_row(moongate: MoongateStandIn):
    async with proving(moongate.url) as prover:
        for elf in (b"one", b"one", b"two"):
            await within(prover.prove(a_task(Mode.CORE, elf=elf, elf_sha256=elf), FAR))
    assert moongate.methods.count("Setup") == 2


async def test_a_proof_of_another_program_does_not_pass(moongate: MoongateStandIn):
    task = a_task(vk_hash=bytes(32))
    with pytest.raises(ClaimMismatch, match="another program"):
        check_proof(await prove(moongate, task), task, mock=False)


# --- no proof --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.PLONK, Mode.GROTH16])
async def test_what_it_cannot_make_is_refused_by_name(moongate: MoongateStandIn, mode: Mode):
    with pytest.raises(ProverFailed, match=f"no {mode} proofs"):
        await prove(moongate, a_task(mode))
    assert moongate.calls == []


async def test_another_version_is_refused_by_name(moongate: MoongateStandIn):
    with pytest.raises(ProverFailed, match=r"of sp1-v6\.1\.0"):
        await prove(moongate, a_task(version=parse_version("sp1-v6.1.0")))


async def test_an_input_with_proofs_is_refused(moongate: MoongateStandIn):
    with pytest.raises(ProverFailed, match="proofs that this input holds"):
        await prove(moongate, a_task(deferred_proofs=1))


async def test_a_proof_of_other_values_is_refused(moongate: MoongateStandIn):
    with pytest.raises(ProverFailed, match="other values"):
        await prove(moongate, a_task(public_values=b"others"))


@pytest.mark.parametrize("method", ["Setup", "ProveCoreStateless", "Compress"])
@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (500, ProverFailed, "HTTP 500"),
        (404, ProverUnavailable, "no moongate"),
        (None, ProverFailed, "broke off in the middle of {}"),
        (b"\xff", ProverFailed, "answer to {} is none"),
        (b"", ProverFailed, "answer to {} is none"),
    ],
)
async def test_a_failure_is_named_without_the_servers_words(
    moongate: MoongateStandIn, method: str, answer: Any, kind: type[Exception], text: str
):
    moongate.will(method, answer)
    with pytest.raises(kind, match=text.format(method)) as failed:
        await prove(moongate, a_task())
    assert "secret" not in str(failed.value)


async def test_keys_of_another_program_are_refused(moongate: MoongateStandIn):
    moongate.will("Setup", message(b"keys of something"))
    with pytest.raises(ProverFailed, match="not those of the program"):
        await prove(moongate, a_task())


async def test_cancelling_hangs_up(moongate: MoongateStandIn):
    begun, gate = threading.Event(), threading.Event()

    def hold(method: str) -> None:
        if method == "ProveCoreStateless":
            begun.set()
            gate.wait(30)

    moongate.hold = hold
    async with proving(moongate.url) as prover:
        work = asyncio.ensure_future(prover.prove(a_task(), FAR))
        await asyncio.to_thread(begun.wait, 30)
        # A server that works is not asked whether it is there.
        await within(prover.check())
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(work)
        gate.set()
    assert "Ready" not in moongate.methods
    assert "Compress" not in moongate.methods


@given(st.binary(max_size=80), st.binary(max_size=8))
def test_keys_come_out_of_any_bytes_whole_or_not_at_all(answer: bytes, program: bytes):
    try:
        keys = split_keys(answer, program)
    except ProverFailed:
        return
    assert keys.proving + keys.verifying == answer
    assert program in keys.proving


@given(st.binary(max_size=80), st.binary(max_size=8), st.binary(max_size=8))
def test_shard_proofs_come_out_of_any_bytes_or_not_at_all(core: bytes, stdin: bytes, values: bytes):
    try:
        shards = shard_proofs(core, stdin, values)
    except ProverFailed:
        return
    assert core[:-8] == shards + stdin + byte_string(values)


# --- its place in a worker -------------------------------------------------------------------


async def test_a_worker_hands_in_what_it_made(listener: WorkerListener, moongate: MoongateStandIn):
    guest = guests.load("fibonacci", Family.V5)
    work = sample_work(
        elf=guest.elf,
        stdin=guests.fibonacci_input(10).encode(),
        version="sp1-v5.0.0",
        mode=Mode.COMPRESSED,
        vk=b"a v5 key",
    )
    listener.offer(work)
    async with working(listener, prover="moongate", prover_url=moongate.url):
        await listener.eventually(lambda: work.finishes or work.failure)
    assert work.failure is None
    assert work.finishes[0].mock is False
    assert work.proof is not None
    assert moongate.reduced in work.proof


async def test_the_doctor_says_what_it_makes(listener: WorkerListener, moongate: MoongateStandIn):
    told = settings_for(listener, prover="moongate", prover_url=moongate.url)
    checks = {check.name: check for check in await check_up(told)}
    assert checks["prover"].ok
    assert "sp1-v5.0.0: core, compressed" in checks["prover"].text


@pytest.mark.parametrize(
    ("answer", "text"),
    [(b"\x08\x00", "not ready"), (b"", "not ready"), (500, "HTTP 500"), (404, "no moongate")],
)
async def test_the_doctor_says_what_is_wrong(
    listener: WorkerListener, moongate: MoongateStandIn, answer: Any, text: str
):
    moongate.will("Ready", answer)
    told = settings_for(listener, prover="moongate", prover_url=moongate.url)
    checks = {check.name: check for check in await check_up(told)}
    assert not checks["prover"].ok
    assert text in checks["prover"].text


async def test_nobody_there_is_said(moongate: MoongateStandIn):
    async with proving("http://127.0.0.1:9") as prover:
        with pytest.raises(ProverUnavailable, match="cannot be reached"):
            await within(prover.check())


async def test_a_moongate_elsewhere_needs_the_operators_word():
    told = FulfillSettings(prover="moongate", prover_url="http://moongate:3000")
    with pytest.raises(OffHostRefused, match="moongate is not allowed"):
        make_provers(told)
    named = told.model_copy(update={"allow_off_host": ("moongate",), "slots": 2})
    provers = make_provers(named)
    assert [prover.name for prover in provers] == ["moongate", "moongate"]
    for prover in provers:
        await prover.aclose()


def test_the_ports_of_further_slots_count_up():
    told = FulfillSettings(prover="moongate", prover_url="http://[::1]", slots=2)
    assert told.moongates == ("http://[::1]:3000", "http://[::1]:3001")
    with pytest.raises(ConfigError, match="address of the moongate is missing"):
        _ = FulfillSettings(prover="moongate").moongates
    with pytest.raises(ConfigError, match="ports"):
        _ = FulfillSettings(prover_url="http://[::1]:65535", slots=2).moongates
