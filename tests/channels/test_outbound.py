"""Calls to addresses a merchant typed."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portal.channels import outbound
from portal.channels.outbound import AddressRefusedError, NoAnswerError, Outbound, UnreachableError, is_public

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:0001::",
    "2001:0:7f00:1::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_it_knows_private_addresses_in_every_disguise(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
)
def test_it_knows_public_addresses(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
        "https://10.0.0.8/",
        "https://169.254.169.254/latest",
    ],
)
def test_it_connects_to_no_private_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", _never)
    with pytest.raises(AddressRefusedError):
        Outbound().call("GET", url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example.com/",
        "file:///etc/passwd",
        "gopher://shop.example.com/",
        "shop.example.com",
        "https://",
        "https://user:word@shop.example.com/",
        "https://shop.example.com:22/",
        "http://shop.example.com/",
        "https://shop.example.com:99999/",
        "https://shop.example.com\\@10.0.0.1/",
    ],
)
def test_it_refuses_an_address_by_its_looks(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _never)
    with pytest.raises(AddressRefusedError):
        Outbound().call("GET", url)


def test_a_name_that_cannot_be_resolved_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown_name)
    monkeypatch.setattr(socket, "create_connection", _never)
    with pytest.raises(UnreachableError):
        Outbound().call("GET", "https://nowhere.example.com/")


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "resolve", _resolving("93.184.216.34", "10.0.0.1"))
    monkeypatch.setattr(socket, "create_connection", _never)
    with pytest.raises(AddressRefusedError):
        Outbound().call("GET", "https://shop.example.com/")


def test_it_connects_to_the_address_it_checked_and_asks_for_the_name_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    reached: list[str] = []

    def rebinding(host: str, *_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        reached.append(address[0])
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(UnreachableError):
        Outbound().call("GET", "https://shop.example.com/")
    assert (asked, reached) == (["shop.example.com"], ["93.184.216.34"])


def test_a_listed_host_opens_no_other_port() -> None:
    with pytest.raises(AddressRefusedError):
        Outbound(private_hosts=frozenset({"127.0.0.1:5001"})).call("GET", "http://127.0.0.1:5002/")


def test_it_does_not_follow_a_redirect() -> None:
    with _answering(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    ) as host:
        assert Outbound(private_hosts=frozenset({host})).call("GET", f"http://{host}/").status == 302


def test_an_answer_over_the_limit_is_cut_off() -> None:
    with _answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000) as host, pytest.raises(NoAnswerError):
        Outbound(private_hosts=frozenset({host}), body_limit=10_000).call("GET", f"http://{host}/")


def test_half_an_answer_is_no_answer() -> None:
    with (
        _answering(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf") as host,
        pytest.raises(NoAnswerError),
    ):
        Outbound(private_hosts=frozenset({host})).call("POST", f"http://{host}/", body=b"{}")


def test_a_server_that_drips_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    with _answering(b"HTTP/1.1 200 OK\r\n\r\n", then_wait=True) as host, pytest.raises(NoAnswerError):
        Outbound(private_hosts=frozenset({host}), answer_seconds=0.3).call("GET", f"http://{host}/")


@contextmanager
def _answering(answer: bytes, *, then_wait: bool = False) -> Iterator[str]:
    """A server that says the same to everyone; gives its "host:port"."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(answer)
                if then_wait:
                    done.wait(5)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join(timeout=5)


def _never(*_: object, **__: object) -> None:
    raise AssertionError("No connection may be tried.")


def _unknown_name(*_: object) -> None:
    raise socket.gaierror


def _resolving(*addresses: str) -> object:
    return lambda host, port: [ipaddress.ip_address(address) for address in addresses]
