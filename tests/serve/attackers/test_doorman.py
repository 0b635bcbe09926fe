"""What a connection is broken off for, and who is kept out."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.attacks import Way

from sp1tee.serve.door.barrier import MOST, Barrier, program
from sp1tee.serve.door.doorman import Doorman
from sp1tee.serve.door.guests import Fault, Guest
from sp1tee.serve.door.limits import Limits
from sp1tee.serve.door.lines import Line, hang_up, lines
from sp1tee.serve.door.peers import Trusted, peer_of
from sp1tee.serve.door.visits import Visit

MIB = 1 << 20
LIMITS = Limits()


def line(*, received: int = 0, delivered: int = 0, unsent: int = 0, cookie: int = 1) -> Line:
    return Line(cookie, 99, ("203.0.113.7", cookie), received, delivered, unsent)


def test_an_upload_is_accounted_for_also_when_it_is_read_later_than_it_comes():
    guest = Guest.come(line(), 0.0)
    guest.look(line(received=14 * MIB), Visit(begun=1, open=1), 1.0)
    assert guest.fault(LIMITS, 1.0) is None
    guest.look(line(received=200 * MIB), Visit(begun=1, open=1, body=190 * MIB), 2.0)
    assert guest.fault(LIMITS, 2.0) is None


def test_bytes_beyond_what_requests_account_for_are_a_flood():
    guest = Guest.come(line(), 0.0)
    guest.look(line(received=10 * MIB), Visit(begun=1, open=1), 1.0)
    assert guest.fault(LIMITS, 1.0) is None
    guest.look(line(received=20 * MIB), Visit(begun=1, open=1), 2.0)
    assert guest.fault(LIMITS, 2.0) is Fault.FLOOD


def test_who_sends_a_little_for_nothing_now_and_then_may():
    guest, received = Guest.come(line(), 0.0), 0
    for second in range(1, 1000):
        received += 100_000
        guest.look(line(received=received), Visit(begun=second, open=1), float(second))
        assert guest.fault(LIMITS, float(second)) is None


def test_window_updates_of_a_large_download_are_no_flood():
    guest = Guest.come(line(), 0.0)
    taken = 4096 * MIB
    guest.look(line(received=taken // 500, delivered=taken), Visit(begun=1, open=1), 1.0)
    assert guest.fault(LIMITS, 1.0) is None


def test_who_leaves_an_answer_where_it_is_is_broken_off():
    guest = Guest.come(line(), 0.0)
    for second in (1.0, 61.0):
        guest.look(line(unsent=1000, delivered=10), Visit(begun=1, open=1), second)
    assert guest.fault(LIMITS, 61.0) is None
    guest.look(line(unsent=1000, delivered=10), Visit(begun=1, open=1), 62.0)
    assert guest.fault(LIMITS, 62.0) is Fault.STALLED


def test_a_call_may_take_as_long_as_it_likes():
    guest = Guest.come(line(), 0.0)
    guest.look(line(received=300), Visit(begun=1, open=1), 1.0)
    guest.look(line(received=300), Visit(begun=1, open=1), 86_400.0)
    assert guest.fault(LIMITS, 86_400.0) is None


def test_of_too_many_connections_those_go_first_that_never_asked_for_anything():
    closed: dict[str, int] = {}
    with socket.create_server(("127.0.0.1", 0)) as bound:
        limits = Limits(connections=40, trusted=Trusted.of(["203.0.113.0/24"]))
        doorman = Doorman(bound, limits, lambda reason, number: closed.update({reason: number}))
        connected = [line(cookie=number) for number in range(1, 41)]
        doorman.look(connected, 0.0)
        assert closed == {}
        doorman.look(connected, 5.0)
    assert closed == {Fault.CROWDED: 10}


def test_who_pays_no_heed_is_kept_out_also_when_it_is_between_two_connections():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        doorman = Doorman(bound, Limits(trusted=Trusted(private=False)), lambda *_: None)
        doorman.visits.deaf = lambda _most: {ip_address("203.0.113.7")}  # type: ignore[method-assign] - what it finds is of another test
        doorman.look([], 0.0)
        assert doorman._barrier._out == {ip_address("203.0.113.7")}


def test_who_floods_is_kept_out_before_it_is_broken_off_and_can_connect_again():
    found: list[tuple[str, bool]] = []

    def again(reason: str, _number: int) -> None:
        found.append((reason, way.is_kept_out()))

    with socket.create_server(("127.0.0.1", 0)) as bound:
        way = Way("127.0.0.1", bound.getsockname()[1], "127.0.0.2")
        limits = Limits(trusted=Trusted(private=False), useless_burst=0)
        doorman = Doorman(bound, limits, again)
        with way.connect() as flooder, bound.accept()[0]:
            flooder.sendall(bytes(1024))
            doorman.look(lines(bound), 0.0)
    assert found == [(Fault.FLOOD, True)]


def test_what_passes_on_requests_under_other_names_is_not_taken_for_idle_or_a_flood():
    closed: dict[str, int] = {}
    with socket.create_server(("127.0.0.1", 0)) as bound:
        limits = Limits(trusted=Trusted.of(["203.0.113.0/24"]), told_apart="forwarded")
        doorman = Doorman(bound, limits, lambda reason, number: closed.update({reason: number}))
        for second in range(0, 1200, 300):
            doorman.look([line(received=second * MIB, delivered=second)], float(second))
        assert closed == {}
        doorman.look([line(received=0, unsent=1000, delivered=900)], 1200.0)
        doorman.look([line(received=0, unsent=1000, delivered=900)], 1300.0)
    assert closed == {Fault.STALLED: 1}


def test_of_a_strangers_connections_the_newest_are_too_many():
    closed: dict[str, int] = {}
    with socket.create_server(("127.0.0.1", 0)) as bound:
        limits = Limits(peer_connections=16, trusted=Trusted(private=False))
        doorman = Doorman(bound, limits, lambda reason, number: closed.update({reason: number}))
        doorman.look([line(cookie=number) for number in range(1, 41)], 0.0)
        assert closed == {Fault.PEER: 24}


def test_a_site_of_ipv6_is_one_peer_and_a_mapped_address_is_ipv4():
    assert peer_of("2001:db8:1:2:3:4:5:6") == peer_of("2001:db8:1:2::")
    assert peer_of("2001:db8:1:3::") != peer_of("2001:db8:1:2::")
    assert peer_of("::ffff:203.0.113.7") == ip_address("203.0.113.7")
    assert peer_of("not an address") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "fd00::1"])
def test_addresses_that_the_internet_does_not_route_are_trusted_unless_told_otherwise(host: str):
    assert Trusted().covers(ip_address(host))
    assert not Trusted.of(["198.51.100.0/24"]).covers(ip_address(host))


def test_trusted_networks_are_trusted_beside_private_ones():
    trusted = Trusted.of(["private", "198.51.100.0/24", "2001:db8::/32"])
    for host in ("10.0.0.1", "198.51.100.9", "2001:db8:5::1"):
        assert trusted.covers(ip_address(host))
    assert not trusted.covers(ip_address("8.8.8.8"))


@pytest.mark.parametrize("text", ["", "public", "10.0.0.0/33", "10.0.0.1/8", "localhost"])
def test_what_is_no_network_is_refused(text: str):
    with pytest.raises(ValueError, match=r"network|host bits"):
        Trusted.of([text])


@given(st.text())
def test_any_text_is_a_peer_or_none(host: str):
    peer_of(host)


def test_who_is_kept_out_cannot_connect_until_it_may_again():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        barrier = Barrier(bound)
        barrier.keep_out({ip_address("127.0.0.2"), ip_address("2001:db8::")})
        socket.create_connection(bound.getsockname(), 10, ("127.0.0.3", 0)).close()
        with pytest.raises(TimeoutError):
            socket.create_connection(bound.getsockname(), 0.3, ("127.0.0.2", 0))
        barrier.keep_out(set())
        socket.create_connection(bound.getsockname(), 10, ("127.0.0.2", 0)).close()


def test_more_peers_than_a_program_has_room_for_are_kept_out_as_far_as_it_goes():
    many = {ip_address((203 << 24) + number) for number in range(10 * MOST)}
    with socket.create_server(("127.0.0.1", 0)) as bound:
        Barrier(bound).keep_out(many)
        socket.create_connection(bound.getsockname(), 10).close()
    sites = [ip_address((0x20010DB8 << 96) + (number << 64)) for number in range(MOST)]
    assert len(program(sites)) < 4096


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_a_site_of_ipv6_is_kept_out_and_ipv4_beside_it_is_not():
    try:
        bound = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        socket.create_connection(("::1", bound.getsockname()[1]), 10).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with bound:
        port = bound.getsockname()[1]
        Barrier(bound).keep_out({peer_of("::1")})
        with pytest.raises(TimeoutError):
            socket.create_connection(("::1", port), 0.3)
        socket.create_connection(("127.0.0.1", port), 10).close()


def test_a_listeners_connections_are_found_and_can_be_broken_off():
    with (
        socket.create_server(("127.0.0.1", 0)) as bound,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        pairs = [
            (socket.create_connection(each.getsockname()), each.accept()[0])
            for each in (bound, other)
        ]
        (client, accepted), (elsewhere, _) = pairs
        client.sendall(b"twelve bytes")
        assert accepted.recv(12, socket.MSG_WAITALL) == b"twelve bytes"
        (found,) = lines(bound)
        assert found.remote == client.getsockname()
        assert found.received == 12
        hang_up(found)
        assert client.recv(1) == b""
        elsewhere.sendall(b"still there")
        for pair in pairs:
            for each in pair:
                each.close()
        assert list(lines(bound)) == []


def test_a_descriptor_that_became_another_socket_is_left_alone():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        client, accepted = socket.create_connection(bound.getsockname()), bound.accept()[0]
        (found,) = lines(bound)
        hang_up(Line(found.cookie + 1, found.fd, found.remote, 0, 0, 0))
        client.sendall(b"x")
        assert accepted.recv(1) == b"x"
        client.close()
        accepted.close()
