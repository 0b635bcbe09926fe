"""The guest agent's Info."""

import json
from itertools import pairwise

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge, VerifyError
from sp1tee.verify.caa import Reply, read_answer
from sp1tee.verify.fetch.info import fetch_info
from sp1tee.verify.guest_info import InfoFacts, gateway_of, info_url, parse_info

APP = "9b78cf84" + "00" * 14 + "eb93"
COMPOSE = '{\n  "name": "x",\n  "docker_compose_file": "services: {}\\n"\n}'
TCB = {"mrtd": "00", "app_compose": COMPOSE, "compose_hash": "ab" * 32, "event_log": []}
INFO = {
    "app_id": APP,
    "instance_id": "",
    "app_name": "tee",
    "tcb_info": json.dumps(TCB),
    "vm_config": '{"cpu_count": 8}',
    "key_provider_info": '{"name":"kms","id":"3059"}',
    "compose_hash": "AB" * 32,
    "cloud_vendor": "",
}


def parsed(**changes: object) -> InfoFacts:
    return parse_info(json.dumps({**INFO, **changes}).encode())


def test_the_wire_form_is_read():
    info = parsed()
    assert info.app_id == APP
    assert info.instance_id is None
    assert info.compose_hash == "ab" * 32
    assert info.key_provider == {"name": "kms", "id": "3059"}
    assert info.vm_config == {"cpu_count": 8}
    assert info.tcb_info == TCB


def test_the_app_compose_file_keeps_every_byte():
    assert parsed().app_compose == COMPOSE
    assert parsed(tcb_info={"app_compose": COMPOSE + "\n"}).app_compose == COMPOSE + "\n"


def test_attack_32_a_guest_that_hides_its_measurements_is_read_as_such():
    info = parsed(tcb_info="")
    assert info.tcb_info is None
    assert info.app_compose is None
    assert info.compose_hash == "ab" * 32


@pytest.mark.parametrize(
    "changes",
    [
        {"tcb_info": "{"},
        {"tcb_info": "[]"},
        {"tcb_info": 7},
        {"tcb_info": '{"app_compose": "a", "app_compose": "b"}'},
        {"tcb_info": {"app_compose": {}}},
        {"app_id": 7},
        {"app_id": "zz"},
        {"app_id": "ab"},
        {"compose_hash": "ab" * 31},
        {"app_name": ["x"]},
        {"key_provider_info": "none"},
    ],
)
def test_wrong_types_are_refused(changes: dict[str, object]):
    with pytest.raises(EvidenceMalformed):
        parsed(**changes)


def test_a_gigantic_answer_is_refused():
    with pytest.raises(EvidenceTooLarge):
        parse_info(b" " * (5 * 1024 * 1024))


def test_an_instance_s_address_is_made_of_its_id_and_the_gateway():
    url = info_url("0x" + APP.upper().replace("0X", ""), "succinct.phala.network")
    assert url == f"https://{APP}-8090.succinct.phala.network/prpc/Info"


@pytest.mark.parametrize(
    ("identity", "gateway"),
    [("", "a.example"), (APP + "0", "a.example"), (APP, "a/b"), (APP, "-"), (APP, "a@b.example")],
)
def test_an_address_of_anything_else_is_refused(identity: str, gateway: str):
    with pytest.raises(EvidenceMalformed):
        info_url(identity, gateway)


@pytest.mark.parametrize("url", ["http://guest.example/prpc/Info", "https://127.0.0.1:1/prpc/Info"])
def test_what_cannot_be_fetched_is_recorded_as_trouble(url: str):
    record, body = fetch_info(url)
    assert body is None
    assert record.source == url
    assert record.trouble is not None


def reply(*aliases: str, host: str = "tee.example.org") -> Reply:
    names = [host, *aliases]
    query = dns.message.make_query(host, "A")
    answer = dns.message.make_response(query, recursion_available=True)
    for name, target in pairwise(names):
        answer.answer.append(dns.rrset.from_text(f"{name}.", 300, "IN", "CNAME", f"{target}."))
    return Reply("192.0.2.53", host, "A", read_answer(answer.to_wire(), host, "A"))


def test_the_gateway_is_where_the_host_name_leads():
    replies = [reply(), reply("cdn.example.net", "_.dstack-prod5.phala.network")]
    assert gateway_of("tee.example.org", replies) == "dstack-prod5.phala.network"


def test_a_host_that_is_no_alias_of_a_gateway_has_none():
    for replies in ([], [reply()], [reply("www.example.net")], [reply("_.x", host="b.example")]):
        with pytest.raises(EvidenceMissing) as raised:
            gateway_of("tee.example.org", replies)
        assert "--info" in raised.value.advice


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(INFO)), inner),
)


@given(JSON | JSON.map(lambda value: {"tcb_info": json.dumps(value)}))
def test_only_documented_errors_come_out(value: object):
    try:
        parse_info(json.dumps(value).encode())
    except VerifyError:
        return
