"""What a worker is told of a cluster, and where that lets inputs go."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from support.cluster import ClusterStandIn
from support.fulfilling import settings_for, within
from support.worker_listener import WorkerListener

from sp1tee import settings
from sp1tee.errors import ConfigError, OffHostRefused, ProverFailed
from sp1tee.fulfill.assembly import make_provers, open_executor
from sp1tee.fulfill.doctor import check_up
from sp1tee.fulfill.provers.cluster.opening import read_store
from sp1tee.fulfill.provers.cluster.oracle import CountsGas
from sp1tee.fulfill.provers.cluster.replies import is_complete, read_report
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import cluster_pb2 as pb

SCHEMES = ("redis", "rediss", "s3")
FIELDS = ("status", "cycles", "gas", "public_values_hash", "proving_failure", "task_type")
API, NOWHERE = "http://127.0.0.1:50051", "http://127.0.0.1:9"
REDIS = "redis://:a-SECRET@127.0.0.1:6379/0"


def load(**environment: str) -> FulfillSettings:
    variables = {f"SP1TEE_FULFILL_{name}": value for name, value in environment.items()}
    return settings.load(FulfillSettings, "fulfill", environment=variables)


def a_cluster(**changes: str) -> FulfillSettings:
    facts = {"PROVER": "cluster", "PROVER_URL": API, "CLUSTER_STORE": REDIS, "NAME": "one"}
    return load(**{**facts, **changes})


def test_all_about_a_cluster_can_be_told(tmp_path: Path) -> None:
    store, ca = tmp_path / "store", tmp_path / "ca"
    store.write_text("redis://:a-SECRET@one.example:6379/0,rediss://two.example\n")
    trustme.CA().cert_pem.write_to_path(ca)
    told = load(
        PROVER="cluster",
        PROVER_URL="https://api.example:50051",
        ALLOW_OFF_HOST="api.example, coordinator.example, oracle.example, one.example, two.example",
        NAME="worker-7",
        CLUSTER_STORE_FILE=str(store),
        CLUSTER_COORDINATOR_URL="http://coordinator.example:50053",
        CLUSTER_ORACLE_URL="http://oracle.example:50051",
        CLUSTER_CA_FILE=str(ca),
        CLUSTER_VERSIONS="sp1-v6.1.0",
        CLUSTER_MODES="core,groth16",
    ).cluster
    assert told.api.url == "https://api.example:50051"
    assert "BEGIN CERTIFICATE" in (told.api.ca or "")
    assert told.store == ("redis://:a-SECRET@one.example:6379/0", "rediss://two.example")
    assert told.coordinator is not None
    assert told.oracle is not None
    assert told.instance == "sp1tee/worker-7"
    assert told.offer.modes == {Mode.CORE, Mode.GROTH16}
    assert not told.offer.mock
    assert "SECRET" not in f"{told!r} {load(CLUSTER_STORE_FILE=str(store))!r}"


@pytest.mark.parametrize(
    "store",
    [
        "one.example",
        "http://:SECRET@one.example",
        "redis://",
        "redis://one.example:SECRET",
        "redis://one.example?password=SECRET",
        "redis://one.example,s3://SECRET",
        "s3://one,s3://SECRET",
        "s3://one/SECRET",
        "s3://",
        ",",
    ],
)
def test_a_store_that_is_none_is_refused_and_not_repeated(store: str) -> None:
    with pytest.raises(ConfigError, match="cluster_store") as unusable:
        load(CLUSTER_STORE=store)
    assert "SECRET" not in str(unusable.value)


@given(st.text() | st.from_regex(r"(redis|rediss|s3)://[^,]*(,.*)?", fullmatch=True))
def test_of_a_store_nothing_comes_but_addresses_or_a_plain_refusal(text: str) -> None:
    with suppress(ValueError):
        assert all(url.partition(":")[0].lower() in SCHEMES for url in read_store(text))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner),
)


@given(st.integers(0, 9), st.text() | _JSON.map(json.dumps))
def test_whatever_a_row_says_is_an_answer_or_a_failure_of_ours(status: int, extra: str) -> None:
    row = pb.ProofRequest(proof_status=status, extra_data=extra)  # type: ignore[arg-type]
    with suppress(ProverFailed):
        assert is_complete(row) is (status == 2)
    report = read_report(row)
    assert report is None or len(report.public_values_hash) in (0, 32)


@pytest.mark.parametrize(("missing", "flag"), [("PROVER_URL", "url"), ("CLUSTER_STORE", "store")])
async def test_what_is_missing_is_asked_for(missing: str, flag: str) -> None:
    with pytest.raises(ConfigError) as unusable:
        make_provers(a_cluster(**{missing: ""}))
    assert flag in unusable.value.advice


@pytest.mark.parametrize(
    ("setting", "value", "host"),
    [
        ("PROVER_URL", "https://api.example", "api.example"),
        ("CLUSTER_STORE", "redis://:a-SECRET@[2001:db8::1]:6379", "2001:db8::1"),
        ("CLUSTER_STORE", f"{REDIS},redis://two.example", "two.example"),
        ("CLUSTER_STORE", "s3://bucket", "s3.us-east-1.amazonaws.com"),
        ("CLUSTER_COORDINATOR_URL", "http://coordinator.example", "coordinator.example"),
        ("CLUSTER_ORACLE_URL", "http://oracle.example", "oracle.example"),
    ],
)
@pytest.mark.anyio
async def test_every_part_of_a_cluster_elsewhere_needs_the_operators_word(
    setting: str, value: str, host: str
) -> None:
    with pytest.raises(OffHostRefused) as refused:
        make_provers(a_cluster(**{setting: value}))
    assert f"--allow-off-host {host} " in refused.value.advice
    assert "SECRET" not in f"{refused.value} {refused.value.advice}"
    for prover in make_provers(a_cluster(**{setting: value, "ALLOW_OFF_HOST": host})):
        await prover.aclose()


@pytest.mark.anyio
async def test_a_bucket_of_an_s3_server_here_stays_here() -> None:
    here = {"CLUSTER_STORE": "s3://bucket", "CLUSTER_S3_ENDPOINT": "http://127.0.0.1:9000"}
    assert a_cluster(**here).off_host_urls == (API, "http://127.0.0.1:9000")
    for prover in make_provers(a_cluster(**here)):
        await prover.aclose()


@pytest.mark.anyio
async def test_slots_are_provers_that_ask_one_cluster() -> None:
    first, second = make_provers(a_cluster(SLOTS="2"))
    assert first.name == second.name == "cluster"
    await first.aclose()
    await second.aclose()


@pytest.mark.anyio
async def test_with_an_oracle_gas_is_counted() -> None:
    async with open_executor(a_cluster(EXECUTOR="unicorn")) as executor:
        assert not isinstance(executor, CountsGas)
    with_oracle = a_cluster(EXECUTOR="unicorn", CLUSTER_ORACLE_URL=NOWHERE)
    async with open_executor(with_oracle) as executor:
        assert isinstance(executor, CountsGas)


async def found(listener: WorkerListener, **changes: Any) -> Any:
    told = settings_for(listener, prover="cluster", **changes)
    return {check.name: check for check in await within(check_up(told))}


@pytest.mark.anyio
async def test_a_doctor_looks_at_every_part_of_a_cluster(
    listener: WorkerListener, cluster: ClusterStandIn
) -> None:
    checks = await found(listener, prover_url=cluster.url, cluster_store="redis://127.0.0.1:9")
    assert "Redis did not serve" in checks["prover"].text
    assert not checks["cluster store"].ok
    assert checks["cluster"].ok
    assert "another server on this machine" in checks["reach"].text


@pytest.mark.anyio
async def test_a_doctor_names_every_host_that_sees_inputs(listener: WorkerListener) -> None:
    checks = await found(
        listener,
        prover_url="http://192.0.2.1",
        cluster_store="redis://192.0.2.2",
        allow_off_host=("192.0.2.1",),
    )
    assert "192.0.2.2 is not allowed" in checks["prover"].text
    told = settings_for(listener, prover="cluster", prover_url="http://192.0.2.1")
    assert "cluster-store-file" in (await within(check_up(told)))[0].advice
