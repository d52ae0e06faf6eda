"""The answer to a request and its bytes, from a server that may stall, drip or lead elsewhere."""

from collections.abc import Generator
from http.client import HTTPMessage
from queue import Empty, Queue
from threading import Event, Thread
from time import monotonic
from typing import IO, NamedTuple
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

TIMEOUT_SECONDS = 30  # without a byte
WINDOW_SECONDS = 60  # in which the answer, or each so many bytes, must arrive
LEAST_BYTES_PER_WINDOW = 60_000
BLOCK_BYTES = 1 << 20
QUEUED_BLOCKS = 4


class WrongAnswerError(ValueError):
    """The server sent something else than was asked for; says what, without the address."""


class Answer(NamedTuple):
    """The head of an answer; ``length`` is that of its body, where the server says it."""

    status: int
    reason: str
    headers: HTTPMessage
    length: int | None


class _SafeRedirects(HTTPRedirectHandler):
    """Follows a redirect to the same scheme or to https, and no other."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in ("https", urlsplit(req.full_url).scheme):
            raise WrongAnswerError(f"leads to {newurl}, which is less safe")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def received(request: Request) -> Generator[Answer | bytes]:
    """The answer, then its bytes; close the iterator to abandon it.

    A thread reads them, for no timeout of a socket ends what drips. Raises TimeoutError when the
    server is too slow, ``WrongAnswerError`` for an unsafe redirect, and what urllib raises.
    """
    arrived: Queue[Answer | bytes | Exception] = Queue(QUEUED_BLOCKS)
    abandoned = Event()
    Thread(target=_read, args=(request, arrived, abandoned), daemon=True).start()
    try:
        missing, deadline = 0, monotonic() + WINDOW_SECONDS
        while True:
            try:
                item = arrived.get(timeout=max(0.0, deadline - monotonic()))
            except Empty:
                raise TimeoutError(
                    f"less than {LEAST_BYTES_PER_WINDOW} bytes in {WINDOW_SECONDS} seconds"
                ) from None
            if isinstance(item, Exception):
                raise item
            if item == b"":
                return
            if isinstance(item, bytes):
                missing -= len(item)
            if missing <= 0:
                missing, deadline = LEAST_BYTES_PER_WINDOW, monotonic() + WINDOW_SECONDS
            yield item
    finally:
        abandoned.set()
        while not arrived.empty():  # so that the thread is not held up by a full queue
            arrived.get()


def _read(request: Request, arrived: "Queue[Answer | bytes | Exception]", abandoned: Event) -> None:
    try:
        opener = build_opener(_SafeRedirects())
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            head = response.status, response.reason, response.headers, response.length
            arrived.put(Answer(*head))
            while not abandoned.is_set() and (block := response.read1(BLOCK_BYTES)):
                arrived.put(block)
        arrived.put(b"")
    except Exception as error:
        arrived.put(error)
