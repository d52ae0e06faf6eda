"""Fetch one file over http: streamed, resumed where it was cut off, checked, whole or absent."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request

from benchmark.storage.files import publish, sha256_of, writing_into
from benchmark.storage.formats import Kind, damage_of, kind_by_name, problem_of
from benchmark.storage.transfer import Answer, Report, WrongAnswerError, received, transfer_progress

PAUSES_SECONDS = (1.0, 4.0)  # before the second and the third attempt
PASSING = (408, 429, 500, 502, 503, 504)  # answers that another attempt may better


def download(url: str, target: Path, sha256: str | None = None, kind: Kind | None = None) -> None:
    """Fetch ``url`` into ``target``, which appears only when it is whole and right.

    Bytes gather in ``TARGET.part``; a later call goes on from there when the server still has the
    same version of the file. What has arrived must have the checksum, where ``sha256`` is given,
    and else look like a file of ``kind`` (None: that of its name); a wrong file is discarded.
    Raises FileNotFoundError when the transfer fails and ValueError when what was sent is wrong or
    cannot be written.
    """
    if not re.fullmatch(r"https?://[!-~]+", url):
        raise ValueError(
            f"{url} does not begin with https:// or http://, or has characters that have to be "
            "percent-encoded: correct the address"
        )
    part = _Part(target.with_name(target.name + ".part"))
    by_hand = f"fetch {target.name} by other means and put it at {target}"
    try:
        with writing_into(target.parent), transfer_progress(f"Downloading {target.name}") as report:
            target.parent.mkdir(parents=True, exist_ok=True)
            _transfer_patiently(url, part, report)
            _check(part.path, sha256, kind or kind_by_name(target))
            publish(part.path, target)
    except WrongAnswerError as wrong:
        part.discard()
        raise ValueError(f"{url} {wrong}: it was discarded; run again, or {by_hand}") from wrong
    except HTTPError as error:
        raise FileNotFoundError(f"{url} answered {error.code} {error.reason}: {by_hand}") from error
    except (OSError, HTTPException) as error:
        start = part.progress()[0]
        resumed = f" to go on after the {start} bytes that have arrived" if start else ""
        raise FileNotFoundError(
            f"{url} could not be fetched ({error}): run the same command again{resumed}, or put "
            f"the file by hand at {target}"
        ) from error
    part.discard()


class _Part:
    """The file in which bytes gather, and beside it what identifies the server's version of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = path.with_name(path.name + ".version")

    def progress(self) -> tuple[int, str, int | None]:
        """The bytes to go on after, their version, and the size of the whole where it is known."""
        try:
            version, _, total = self._version.read_text().partition("\n")
            return self.path.stat().st_size, version, int(total) if total else None
        except (OSError, ValueError):
            return 0, "", None

    def begin(self, version: str, total: int | None) -> None:
        """Note the version, so that two are never joined; without one nothing is gone on with."""
        self.discard()
        if version:
            self._version.write_text(f"{version}\n{'' if total is None else total}")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._version.unlink(missing_ok=True)


def _transfer_patiently(url: str, part: _Part, report: Report) -> None:
    for pause in (*PAUSES_SECONDS, None):
        try:
            return _transfer(url, part, report)
        except (OSError, HTTPException) as error:
            if pause is None or not _may_pass(error):
                raise
            time.sleep(pause)


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may go better: not where nobody answers at all."""
    if isinstance(error, HTTPError):
        return error.code in PASSING
    return not isinstance(error, URLError) or isinstance(error.reason, TimeoutError)


def _transfer(url: str, part: _Part, report: Report) -> None:
    """Append what is missing to ``part``; OSError or HTTPException when the transfer breaks."""
    start, version, total = part.progress()
    # A compressed transfer would make the byte positions meaningless.
    request = Request(url, headers={"Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", version)
    with closing(received(request)) as arriving:
        try:
            answer = next(arriving)
        except HTTPError as error:
            if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
                raise
            part.discard()
            return _transfer(url, part, report)
        assert isinstance(answer, Answer)
        if answer.status == HTTPStatus.OK:
            known = None not in (total, answer.length) and version == _version(answer.headers)
            if known and total != answer.length:
                raise WrongAnswerError(f"answered with {answer.length} bytes of a file of {total}")
            start, total = 0, answer.length
            part.begin(_version(answer.headers), total)
        else:
            total = _checked_total(answer, start, total)
        done = _append(part.path, start, total, arriving, report)
    if total is not None and done != total:
        raise OSError(f"the connection closed after {done} of {total} bytes")
    if (
        total is None
        and "Transfer-Encoding" not in answer.headers
        and _ends_within_a_line(part.path, url)
    ):
        raise OSError(f"the connection closed after {done} bytes, in the middle of a line")


def _version(headers: Message) -> str:
    """What identifies the server's file; empty where nothing does."""
    tag: str = headers.get("ETag", "")
    return headers.get("Last-Modified", "") if tag[:2] in ("", "W/") else tag


def _checked_total(answer: Answer, start: int, total: int | None) -> int | None:
    """The size of the whole file, where the answer holds what follows its first ``start`` bytes."""
    if not start or answer.status != HTTPStatus.PARTIAL_CONTENT:
        raise WrongAnswerError(f"answered {answer.status} {answer.reason}, which was not asked for")
    content_range = answer.headers.get("Content-Range", "")
    sent = re.fullmatch(rf"bytes {start}-\d+/(\d+|\*)", content_range)
    if sent is not None and total is None and sent[1] != "*":
        return int(sent[1])
    completes = not content_range and total is not None and answer.length == total - start
    if completes or (sent is not None and sent[1] in ("*", str(total))):
        return total
    raise WrongAnswerError(
        f"was asked for the bytes from {start} on of {'?' if total is None else total} and "
        f"answered {content_range or 'without saying which'}"
    )


def _append(
    path: Path,
    start: int,
    total: int | None,
    arriving: Iterator[Answer | bytes],
    report: Report,
) -> int:
    """The bytes in ``path`` at the end."""
    done = start
    with path.open("ab" if start else "wb") as file:
        report(done, total)
        for block in arriving:
            assert isinstance(block, bytes)
            file.write(block)
            done += len(block)
            report(done, total)
    return done


def _ends_within_a_line(path: Path, url: str) -> bool:
    """Whether text was cut off, for a server that does not say how much there is."""
    if kind_by_name(Path(urlsplit(url).path)) != "text" or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _check(path: Path, sha256: str | None, kind: Kind | None) -> None:
    """Refuse a file that has another checksum or, where none is known, another form."""
    if sha256 is None:
        problem = problem_of(path, kind) or damage_of(path)
        if problem:
            raise WrongAnswerError(f"sent a file that {problem}")
    elif (found := sha256_of(path)) != sha256:
        raise WrongAnswerError(
            f"has sha256 {found} but {sha256} is expected (where the publisher changed the file, "
            "set dataset.sha256 to the new one)"
        )
