"""Addresses that are none, servers that send elsewhere, drip or are not there."""

import io
import socket
import threading
import time
from email.message import Message
from pathlib import Path
from urllib.request import Request

import pytest

from benchmark.storage import transfer
from benchmark.storage.download import download
from tests.storage.file_server import CONTENT, SHA256, FileServer, files_beside, serving


def test_unknown_address(server: FileServer, target: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"answered 404 .* put it at {target}"):
        download(server.url.replace("file", "other"), target)
    assert files_beside(target) == []
    assert len(server.ranges) == 1


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://h/a.csv", "a.csv", "http://h/a b", "http://hé/a", "http://"],
)
def test_an_address_that_is_none(target: Path, url: str) -> None:
    with pytest.raises(ValueError, match=f"^{url} does not begin with https:// or http://"):
        download(url, target)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/a.csv"])
def test_a_redirect_to_another_scheme(server: FileServer, target: Path, place: str) -> None:
    server.redirect = place
    with pytest.raises((ValueError, FileNotFoundError), match=f"{server.url} .*{place}"):
        download(server.url, target)
    assert files_beside(target) == []


def test_a_redirect_may_become_safer_but_not_less_safe() -> None:
    redirects = transfer._SafeRedirects()
    for old, new, allowed in (
        ("https", "http", False),
        ("https", "https", True),
        ("http", "https", True),
        ("http", "http", True),
    ):
        arguments = (Request(f"{old}://host/a"), io.BytesIO(), 302, "Found", Message())
        if allowed:
            followed = redirects.redirect_request(*arguments, f"{new}://other/a")  # type: ignore
            assert followed is not None
            assert followed.full_url == f"{new}://other/a"
        else:
            with pytest.raises(ValueError, match="leads to http://other/a, which is less safe"):
                redirects.redirect_request(*arguments, f"{new}://other/a")  # type: ignore


def test_a_redirect_is_followed(server: FileServer, target: Path) -> None:
    with serving(b"", "old.csv") as old:
        old.redirect = server.url
        download(old.url, target, SHA256)
    assert target.read_bytes() == CONTENT


def test_no_network(target: Path) -> None:
    with serving(b"") as gone:
        url = gone.url
    with pytest.raises(FileNotFoundError, match=f"{url} could not be fetched.*by hand at {target}"):
        download(url, target)
    assert files_beside(target) == []


@pytest.fixture
def _short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "WINDOW_SECONDS", 0.3)
    monkeypatch.setattr(transfer, "LEAST_BYTES_PER_WINDOW", 1000)


@pytest.mark.usefixtures("_short_windows")
def test_a_server_that_drips_is_given_up(server: FileServer, target: Path) -> None:
    server.pause_per_byte = 0.02  # never as long without a byte as any timeout of a socket
    began = time.monotonic()
    with pytest.raises(FileNotFoundError, match=r"\(less than 1000 bytes in 0.3 seconds\): run"):
        download(server.url, target)
    assert 0.9 < time.monotonic() - began < 10, "three attempts"
    assert not target.exists()


def test_a_slow_server_that_is_fast_enough_is_waited_for(
    server: FileServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "WINDOW_SECONDS", 1.0)
    monkeypatch.setattr(transfer, "LEAST_BYTES_PER_WINDOW", 10)
    server.content, server.pause_per_byte = b"a,b\n" * 40, 0.01
    began = time.monotonic()
    download(server.url, target)
    assert time.monotonic() - began > 1.5
    assert target.read_bytes() == server.content
    assert len(server.ranges) == 1


@pytest.mark.usefixtures("_short_windows")
def test_a_head_that_drips_is_given_up(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            for _ in range(3):
                connection = listening.accept()[0]
                threading.Thread(target=dripping, args=(connection,), daemon=True).start()

        def dripping(connection: socket.socket) -> None:
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(200):
                    connection.sendall(b"x")
                    time.sleep(0.02)

        threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(FileNotFoundError, match=r"less than 1000 bytes in 0.3 sec"):
            download(f"http://127.0.0.1:{listening.getsockname()[1]}/file.csv", target)
        assert time.monotonic() - began < 10
