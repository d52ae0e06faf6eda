"""The bytes of an answer, from a server that may stall, drip or lead elsewhere, and how many."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from queue import Empty, Queue
from threading import Event, Thread
from time import monotonic
from typing import IO, NamedTuple
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

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


Report = Callable[[int, int | None], None]  # (bytes done, bytes in all or None where not known)

LINES_PER_FILE = 10
BYTES_PER_LINE = 64 << 20  # where the size of the whole is not known


@contextmanager
def transfer_progress(label: str) -> Iterator[Report]:
    """A callable that shows how far the transfer called ``label`` is, on standard error."""
    if not sys.stderr.isatty():
        yield _plain_lines(label)
        return
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain_lines(label: str) -> Report:
    shown = -1

    def report(done: int, total: int | None) -> None:
        nonlocal shown
        step = done * LINES_PER_FILE // max(total, 1) if total else done // BYTES_PER_LINE
        if step > shown:
            shown = step
            whole = f" of {total / 1e6:.1f}" if total else ""
            print(f"{label}: {done / 1e6:.1f}{whole} MB", file=sys.stderr, flush=True)

    return report
