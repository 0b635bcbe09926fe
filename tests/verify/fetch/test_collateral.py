"""Collateral fetched from a real HTTP server that serves what Intel served."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.quotes_pccs import Answer, Pccs, answers_of, pccs
from support.quotes_real import OUT_OF_DATE, PHALA, V5, RealSet

from sp1tee.errors import EvidenceTooLarge, FetchError
from sp1tee.verify.fetch import collateral as fetching
from sp1tee.verify.fetch.collateral import fetch_collateral
from sp1tee.verify.fetch.collateral_cache import CollateralCache
from sp1tee.verify.quote import examine
from sp1tee.verify.quote.dcap import Platform, platform

MACHINE = platform(PHALA.raw)
AT = PHALA.middle


@pytest.fixture
def service() -> Iterator[Pccs]:
    with pccs(PHALA.collateral) as serving:
        yield serving


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CollateralCache:
    """A cache, for sources as if they were elsewhere: of this machine's nothing is kept."""
    monkeypatch.setattr(fetching, "is_loopback", lambda _: False)
    return CollateralCache(tmp_path / "cache" / "collateral")


def fetched(service: Pccs, cache: CollateralCache | None = None, at: int = AT) -> bytes:
    return fetch_collateral(MACHINE, at=at, source=service.url, cache=cache)


@pytest.mark.parametrize("real", [PHALA, V5, OUT_OF_DATE], ids=lambda real: real.name)
def test_what_is_fetched_verifies_the_quote_it_was_fetched_for(real: RealSet):
    with pccs(real.collateral) as serving:
        data = fetch_collateral(platform(real.raw), at=real.middle, source=serving.url)
    assert examine(real.raw, data, at=real.middle).genuine


def test_the_signed_text_is_taken_character_by_character(service: Pccs):
    value, original = json.loads(fetched(service)), json.loads(PHALA.collateral)
    assert value == original


def test_a_statement_among_very_many_members_is_found_without_copying_the_rest():
    crowd = ",".join(f'"{number}":0' for number in range(80_000))
    text, _ = fetching._signed(f'{{"signature":"00",{crowd},"tcbInfo":{{}}}}'.encode(), "tcbInfo")
    assert text == "{}"


@pytest.mark.parametrize(
    "body",
    [
        '{{ "signature" : "{signature}" ,\n "tcbInfo" :\t{info}\r\n }}',
        '{{"a":"}}\\"tcbInfo\\":{{",\n"tcbInfo":{info},"signature":"{signature}"}}',
    ],
)
def test_the_signed_text_is_found_however_the_answer_is_laid_out(service: Pccs, body: str):
    value = json.loads(PHALA.collateral)
    text = body.format(info=value["tcb_info"], signature=value["tcb_info_signature"])
    status, headers, _ = service.answers[service.path("tcb")]
    service.change("tcb", (status, headers, text.encode()))
    assert json.loads(fetched(service))["tcb_info"] == value["tcb_info"]


def test_intel_is_asked_for_the_roots_list_elsewhere(
    monkeypatch: pytest.MonkeyPatch, service: Pccs
):
    asked: list[str] = []

    def get(url: str, **options: object) -> object:
        asked.append(url)
        local = url.replace(fetching.INTEL, service.url)
        return real_get(local.replace(fetching.INTEL_ROOT_CRL, crl), **options)

    real_get, crl = fetching.get, f"{service.url}/IntelSGXRootCA.der"
    der = bytes.fromhex(json.loads(PHALA.collateral)["root_ca_crl"])
    service.answers["/IntelSGXRootCA.der"] = (200, {}, der)
    monkeypatch.setattr(fetching, "get", get)
    assert examine(PHALA.raw, fetch_collateral(MACHINE, at=AT), at=AT).genuine
    assert fetching.INTEL_ROOT_CRL in asked
    assert {url.split("/")[2] for url in asked} == {
        "api.trustedservices.intel.com",
        "certificates.trustedservices.intel.com",
    }


@pytest.mark.parametrize("suffix", ["/", "/sgx/certification/v4", "/sgx/certification/v4/"])
def test_a_pccs_may_be_named_with_the_path_of_its_interface(service: Pccs, suffix: str):
    assert fetch_collateral(MACHINE, at=AT, source=service.url + suffix)


def test_older_servers_call_the_chain_otherwise(service: Pccs):
    status, headers, body = service.answers[service.path("tcb")]
    (chain,) = headers.values()
    service.change("tcb", (status, {"SGX-TCB-Info-Issuer-Chain": chain}, body))
    assert fetched(service)


@pytest.mark.parametrize("part", ["pckcrl", "tcb", "identity", "rootcacrl"])
@pytest.mark.parametrize(
    "answer",
    [
        (404, {}, b""),
        (503, {}, b"busy"),
        (301, {"Location": "http://127.0.0.1:1/"}, b""),
        (200, {}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"{}"),
        (200, {}, b'{"tcbInfo":[],"enclaveIdentity":[],"signature":""}'),
    ],
    ids=range(7),
)
def test_whatever_else_is_answered_is_a_fetch_error(service: Pccs, part: str, answer: Answer):
    service.change(part, answer)
    with pytest.raises(FetchError):
        fetched(service)


@pytest.mark.parametrize("part", ["pckcrl", "tcb", "identity"])
def test_a_chain_that_is_not_sent_is_a_fetch_error(service: Pccs, part: str):
    service.change(part, (200, {}, service.body(part)))
    with pytest.raises(FetchError, match="no header"):
        fetched(service)


def test_a_platform_that_is_not_known_is_told_as_such(service: Pccs):
    unknown = Platform(MACHINE.ppid, bytes(6), "platform", MACHINE.cpu_svn, MACHINE.pce_svn)
    with pytest.raises(FetchError) as caught:
        fetch_collateral(unknown, at=AT, source=service.url)
    assert "It does not know this platform." in caught.value.advice


def test_an_answer_without_end_is_cut_off(service: Pccs):
    service.change("tcb", (200, {}, bytes(2 * 2**20)))
    with pytest.raises(EvidenceTooLarge):
        fetched(service)


def test_nobody_there_is_a_fetch_error():
    with pytest.raises(FetchError):
        fetch_collateral(MACHINE, at=AT, source="http://127.0.0.1:1")


def test_attack_16_an_attackers_service_can_serve_what_is_old_and_nothing_else(service: Pccs):
    forged = service.body("tcb").replace(b'"UpToDate"', b'"OutOfDate"', 1)
    status, headers, _ = service.answers[service.path("tcb")]
    service.change("tcb", (status, headers, forged))
    facts = examine(PHALA.raw, fetched(service), at=AT)
    assert facts.outcome.fault == "collateral-signature"


def test_whoever_asks_at_the_same_time_gets_a_whole_entry(service: Pccs, cache: CollateralCache):
    first = fetched(service, cache)

    def one(number: int) -> bytes:
        if number % 3 == 0:
            cache.keep(MACHINE, service.url, first)
        return fetched(service, cache)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(60))) == {first}
    assert len(service.asked) == 4
    assert len(list(cache.folder.iterdir())) == 1


def test_a_server_on_this_machine_is_asked_each_time(service: Pccs, tmp_path: Path):
    cache = CollateralCache(tmp_path)
    fetch_collateral(MACHINE, at=AT, source=service.url, cache=cache)
    assert list(tmp_path.iterdir()) == []
    other = {**json.loads(PHALA.collateral), "tcb_info_signature": "00" * 64}
    service.answers.update(answers_of(json.dumps(other).encode()))
    second = fetch_collateral(MACHINE, at=AT, source=service.url, cache=cache)
    assert json.loads(second)["tcb_info_signature"] == "00" * 64


def test_a_pccs_without_the_roots_list_is_filled_in_by_intel(
    monkeypatch: pytest.MonkeyPatch, service: Pccs, cache: CollateralCache
):
    der = bytes.fromhex(json.loads(PHALA.collateral)["root_ca_crl"])
    service.change("rootcacrl", (404, {}, b""))
    service.answers["/IntelSGXRootCA.der"] = (200, {}, der)

    def get(url: str, **options: object) -> object:
        return real_get(url.replace(fetching.INTEL_ROOT_CRL, crl), **options)

    real_get, crl = fetching.get, f"{service.url}/IntelSGXRootCA.der"
    monkeypatch.setattr(fetching, "get", get)
    assert examine(PHALA.raw, fetched(service, cache), at=AT).genuine


def test_a_stand_in_on_this_machine_without_one_is_not(service: Pccs):
    service.change("rootcacrl", (404, {}, b""))
    with pytest.raises(
        FetchError, match=r"^127\.0\.0\.1 answers /sgx/.*/rootcacrl with status 404"
    ):
        fetched(service)


@pytest.mark.parametrize("source", ["https://[::1", "", "x", "https://u:p@127.0.0.1/", "ftp://x"])
def test_a_source_that_is_no_url_is_a_fetch_error(source: str, cache: CollateralCache):
    with pytest.raises(FetchError):
        fetch_collateral(MACHINE, at=AT, source=source, cache=cache)


def test_what_is_kept_is_not_asked_for_again(service: Pccs, cache: CollateralCache):
    first = fetched(service, cache)
    asked = len(service.asked)
    assert fetched(service, cache) == first
    assert len(service.asked) == asked
    assert [path.name[:22] for path in cache.folder.iterdir()] == ["20a06f000000-platform-"]


@pytest.mark.parametrize("at", [PHALA.first - 1, PHALA.last + 1])
def test_what_is_kept_is_used_only_while_it_is_valid(
    service: Pccs, cache: CollateralCache, at: int
):
    fetched(service, cache)
    asked = len(service.asked)
    fetched(service, cache, at)
    assert len(service.asked) == 2 * asked


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda entry: entry[:-1],
        lambda entry: entry[:100] + b"X" + entry[101:],
        lambda entry: entry.split(b"\n", 1)[1],
        lambda _: b"\xff" * 3_000_000,
        lambda _: b"no digest\n{}",
    ],
    ids=range(6),
)
def test_a_damaged_entry_is_fetched_again(
    service: Pccs, cache: CollateralCache, damage: Callable[[bytes], bytes]
):
    good = fetched(service, cache)
    (path,) = cache.folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert fetched(service, cache) == good
    assert len(service.asked) == 8
    assert fetched(service, cache) == good
    assert len(service.asked) == 8


def test_what_one_source_serves_is_never_taken_for_anothers(service: Pccs, cache: CollateralCache):
    fetched(service, cache)
    with pccs(PHALA.collateral) as other:
        fetched(other, cache)
        assert other.asked
    assert len(list(cache.folder.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(
    service: Pccs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fetching, "is_loopback", lambda _: False)
    (tmp_path / "file").write_text("in the way")
    assert fetched(service, CollateralCache(tmp_path / "file" / "cache"))


def test_nothing_half_written_stays_behind(
    service: Pccs, cache: CollateralCache, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "replace", fail)
    fetched(service, cache)
    assert list(cache.folder.iterdir()) == []


def test_the_cache_is_the_users():
    assert CollateralCache().folder.parts[-2:] == ("sp1tee", "collateral")


@settings(max_examples=60)
@given(st.data())
def test_any_answer_is_collateral_or_a_fetch_error(data: st.DataObject):
    body = bytearray(b'{"tcbInfo":{"a":[1,"b"]},"signature":"00"}')
    at = data.draw(st.integers(0, len(body) - 1))
    body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        text, _ = fetching._signed(bytes(body), "tcbInfo")
    except fetching.EvidenceMalformed:
        return
    assert text.encode() in bytes(body)
    assert isinstance(json.loads(text), dict)
