"""A web server of one file on 127.0.0.1 that knows byte ranges and can misbehave."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

CONTENT = b"user,item\n" * 25_600
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class FileServer(ThreadingHTTPServer):
    """What it serves and how; ``ranges`` lists the Range header of every request."""

    def __init__(self, content: bytes, name: str = "file.csv") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.name = name
        self.cut_after: int | None = None  # bytes of a body, then the connection is dropped
        self.cuts: int | None = None  # how many times; None is always
        self.knows_ranges = True
        self.statuses: list[int] = []  # of the first answers, which have no body
        self.redirect: str | None = None
        self.content_range: str | None = None  # in place of the right one; "" leaves it out
        self.says_length: Literal["length", "chunked", "no"] = "length"
        self.pause_per_byte: float | None = None  # of a body
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self.name}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def do_GET(self) -> None:
        self.close_connection = True
        server, content = self.server, self.server.content
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if self.path != f"/{server.name}":
            self.send_error(404)
            return
        if server.statuses:
            self._send_nothing(server.statuses.pop(0))
            return
        if server.redirect:
            self._send_nothing(302, Location=server.redirect)
            return
        start = 0
        if asked and server.knows_ranges and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        right = f"bytes {start}-{len(content) - 1}/{len(content)}"
        content_range = right if server.content_range is None else server.content_range
        if start and content_range:
            self.send_header("Content-Range", content_range)
        if server.says_length == "length":
            self.send_header("Content-Length", str(len(content) - start))
        elif server.says_length == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("ETag", tag)
        self.end_headers()
        self._send_body(content[start:])

    def _send_nothing(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, body: bytes) -> None:
        server = self.server
        cuts = server.cut_after is not None and server.cuts != 0
        if server.cuts:
            server.cuts -= 1
        sent = body[: server.cut_after] if cuts else body
        if server.pause_per_byte is not None:
            for byte in sent:
                self.wfile.write(bytes([byte]))
                time.sleep(server.pause_per_byte)
        elif server.says_length == "chunked":
            self.wfile.write(f"{len(sent):x}\r\n".encode() + sent + b"\r\n")
            if not cuts:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(content: bytes, name: str = "file.csv") -> Iterator[FileServer]:
    server = FileServer(content, name)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that left
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def files_beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())
