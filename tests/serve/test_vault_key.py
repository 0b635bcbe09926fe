"""Where the vault's key comes from, and what the server says about it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.running import fresh_data, running, settings

from sp1tee.errors import (
    AgentAway,
    AgentGarbled,
    AgentRefused,
    GuestAgentError,
    WrongVaultKeyError,
)
from sp1tee.serve import vault_key
from sp1tee.serve.opening import open_kept
from sp1tee.serve.vault_key import Protection, open_vault_key
from sp1tee.sim.dstack import Generation, Misbehaviour, SimAgent, of_application
from sp1tee.sim.ingress import Host

pytestmark = pytest.mark.anyio

HOST = Host(at=1_790_000_000)
ANOTHER = of_application(HOST, b"another application!")
INPUT = b"a private input"


@pytest.fixture
def socket() -> Iterator[Path]:
    with TemporaryDirectory(prefix="s") as folder:
        yield Path(os.path.realpath(folder), "dstack.sock")


@pytest.fixture(autouse=True)
def _no_agent_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_key, "find_socket", lambda: None)


def enclave(socket: Path) -> dict[str, Any]:
    return {"vault_key_source": "dstack", "dstack_socket": socket, "dstack_wait_s": 0.1}


def warnings(logs: list[Any]) -> str:
    return "\n".join(entry["event"] for entry in logs if entry["log_level"] == "warning")


async def test_an_input_is_readable_after_a_restart_of_the_same_application(
    tmp_path: Path, socket: Path
) -> None:
    async with SimAgent(HOST, socket), running_in_enclave(tmp_path, socket) as first:
        place = await first.place()
        assert (await first.public.put(place.path, content=INPUT)).is_success
    async with SimAgent(HOST, socket), running_in_enclave(tmp_path, socket) as second:
        assert await second.content(place) == INPUT
    assert not (tmp_path / "data" / "vault.key").exists()


def running_in_enclave(directory: Path, socket: Path) -> Any:
    (directory / "data").mkdir(exist_ok=True)
    return running(directory, **enclave(socket))


async def test_a_socket_of_the_other_generation_gives_the_same_vault(
    tmp_path: Path, socket: Path
) -> None:
    for generation in ("tappd", "dstack", "tappd"):
        async with SimAgent(HOST, socket, generation=generation):
            await (await open_kept(settings(tmp_path, **enclave(socket)))).store.aclose()


async def test_another_application_cannot_open_the_vault(tmp_path: Path, socket: Path) -> None:
    async with SimAgent(HOST, socket):
        await (await open_kept(settings(tmp_path, **enclave(socket)))).store.aclose()
    async with SimAgent(ANOTHER, socket):
        with pytest.raises(WrongVaultKeyError) as caught:
            await open_kept(settings(tmp_path, **enclave(socket)))
    assert "app id" in caught.value.advice


async def test_data_begun_with_a_key_file_is_not_taken_over(tmp_path: Path, socket: Path) -> None:
    await fresh_data(tmp_path)
    async with SimAgent(HOST, socket):
        with pytest.raises(WrongVaultKeyError) as caught:
            await open_kept(settings(tmp_path, **enclave(socket)))
    assert "--vault-key-source file" in caught.value.advice


async def test_the_vaults_key_is_derived_and_stays_the_same_for_ever(
    tmp_path: Path, socket: Path
) -> None:
    from sp1tee.dstack import GuestAgent
    from sp1tee.store.master_key import MasterKey

    async with SimAgent(HOST, socket):
        key = await open_vault_key(settings(tmp_path, **enclave(socket)))
        plain = MasterKey(await GuestAgent(socket).key("sp1tee/vault/v1"))
    assert key.master.derive("x") != plain.derive("x")
    # Pinned: another way of deriving it would make every vault unreadable.
    assert key.master.derive("x").hex() == PINNED


PINNED = "a51bc517fce3d4daf48e86739677013a8791d680cb962dbfd0da887d45e8f429"


@pytest.mark.parametrize("generation", ["dstack", "tappd"])
async def test_it_is_logged_whose_key_it_is(
    tmp_path: Path, socket: Path, generation: Generation
) -> None:
    with capture_logs() as logs:
        async with SimAgent(HOST, socket, generation=generation):
            await open_vault_key(settings(tmp_path, **enclave(socket)))
    (entry,) = logs
    assert entry["app_id"] == HOST.booted.app_id.hex()
    assert entry["key_provider"] == "kms"


async def test_a_guest_without_a_key_provider_is_warned_of(tmp_path: Path, socket: Path) -> None:
    host = HOST.twisted(info=lambda told: {**told, "key_provider_info": '{"name":"none","id":""}'})
    with capture_logs() as logs:
        async with SimAgent(host, socket):
            await open_vault_key(settings(tmp_path, **enclave(socket)))
    assert "no key provider" in warnings(logs)


async def test_a_guest_that_does_not_say_whose_it_is_still_gives_its_key(
    tmp_path: Path, socket: Path
) -> None:
    host = HOST.twisted(info=lambda told: {**told, "app_id": "?"})
    with capture_logs() as logs:
        async with SimAgent(host, socket):
            key = await open_vault_key(settings(tmp_path, **enclave(socket)))
    assert key.protection is Protection.ENCLAVE
    assert "does not say whose guest" in warnings(logs)


@pytest.mark.parametrize(
    ("misbehave", "error"),
    [
        ("error", AgentRefused),
        ("garbage", AgentGarbled),
        ("short-key", AgentGarbled),
        ("hang-up", AgentGarbled),
    ],
)
async def test_a_start_without_a_key_leaves_no_key_and_no_vault_behind(
    tmp_path: Path, socket: Path, misbehave: Misbehaviour, error: type[GuestAgentError]
) -> None:
    async with SimAgent(HOST, socket, misbehave=misbehave):
        with pytest.raises(error):
            await open_kept(settings(tmp_path, **enclave(socket)))
    assert list((tmp_path / "data").iterdir()) == []


async def test_an_agent_that_never_comes_is_told(tmp_path: Path, socket: Path) -> None:
    with pytest.raises(AgentAway, match="No guest agent answers"):
        await open_vault_key(settings(tmp_path, **enclave(socket)))
    nowhere = {"vault_key_source": "dstack", "dstack_wait_s": 0.1}
    with pytest.raises(AgentAway, match="no socket of a guest agent") as caught:
        await open_vault_key(settings(tmp_path, **nowhere))
    assert "mount" in caught.value.advice


async def test_an_agent_that_comes_later_is_waited_for(
    tmp_path: Path, socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = SimAgent(HOST, socket)
    looked: list[Path] = []

    def found(chosen: Any) -> Path:
        looked.append(chosen.dstack_socket)
        if len(looked) < 3:
            raise AgentAway("Not yet.")
        return chosen.dstack_socket

    monkeypatch.setattr(vault_key, "_socket", found)
    async with agent:
        chosen = settings(tmp_path, **{**enclave(socket), "dstack_wait_s": 30})
        assert (await open_vault_key(chosen)).protection is Protection.ENCLAVE
    assert len(looked) == 3


def key_file(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("ab" * 32)
    return path


async def test_what_protects_inputs_is_said_as_it_is(tmp_path: Path, socket: Path) -> None:
    own, beside = key_file(tmp_path / "own.key"), key_file(tmp_path / "data" / "my.key")
    link = tmp_path / "link"
    link.symlink_to(beside)
    async with SimAgent(HOST, socket):
        said = {
            name: str((await open_vault_key(settings(tmp_path, **given))).protection)
            for name, given in {
                "dstack": enclave(socket),
                "file": {"vault_key_file": own},
                "setting": {"vault_key": "ab" * 32},
                "file in data_dir": {"vault_key_file": beside},
                "link into data_dir": {"vault_key_file": link},
                "default": {},
            }.items()
        }
    unsealed = "key beside the data: not sealed against whoever has the disk"
    assert said == {
        "dstack": "enclave key (dstack)",
        "file": "operator's key file",
        "setting": "operator's key, in the settings",
        "file in data_dir": unsealed,
        "link into data_dir": unsealed,
        "default": unsealed,
    }


async def test_the_same_words_are_in_health_and_in_the_start_log(
    tmp_path: Path, socket: Path
) -> None:
    with capture_logs() as logs:
        async with SimAgent(HOST, socket), running_in_enclave(tmp_path, socket) as server:
            server.server.tell(None)
            ready = (await server.worker.get("/health/ready")).json()
            public = (await server.public.get("/health")).json()
    assert ready["input_protection"] == "enclave key (dstack)"
    assert public == {"status": "ok"}
    (said,) = [entry for entry in logs if entry["event"] == "serving"]
    assert said["input_protection"] == "enclave key (dstack)"


async def test_the_ready_file_says_it_too(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    async with running(tmp_path, ready_file=file) as server:
        server.server.tell(None)
    assert json.loads(file.read_text())["input_protection"] == str(Protection.NONE)


async def test_a_key_beside_the_data_inside_a_guest_is_shouted_about(
    tmp_path: Path, socket: Path
) -> None:
    with capture_logs() as outside:
        await open_vault_key(settings(tmp_path))
    assert "a vault key was made" in warnings(outside)
    assert "lies beside the data" in warnings(outside)
    assert "GUEST" not in warnings(outside)
    with capture_logs() as inside:
        await open_vault_key(settings(tmp_path, dstack_socket=socket))
    assert "THIS IS A dstack GUEST, AND INPUTS ARE NOT SEALED BY IT" in warnings(inside)
    assert "--vault-key-source dstack" in warnings(inside)


def test_two_sources_of_a_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leaves no place"):
        settings(tmp_path, vault_key_source="dstack", vault_key="ab" * 32)
