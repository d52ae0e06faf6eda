"""Fetch one file over http: streamed, resumed where it was cut off, checked, whole or absent."""

import os
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from benchmark.datasets.progress import Report, transfer_progress
from benchmark.datasets.storage import sha256_of

BLOCK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30


def download(url: str, target: Path, sha256: str | None = None) -> None:
    """Fetch ``url`` into ``target``.

    Bytes gather in ``TARGET.part``; a later call goes on from there when the server still has the
    same version of the file. ``target`` appears only when everything has arrived and, where
    ``sha256`` is given, the checksum is right. Raises FileNotFoundError when the transfer fails
    and ValueError when the checksum is wrong.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    version = target.with_name(target.name + ".part.version")
    try:
        with transfer_progress(f"Downloading {target.name}") as report:
            _transfer(url, part, version, report)
    except HTTPError as error:
        raise FileNotFoundError(
            f"{url} answered {error.code} {error.reason}: fetch {target.name} by other means and "
            f"put it at {target}"
        ) from error
    except (OSError, HTTPException) as error:
        kept = part.stat().st_size if part.exists() else 0
        raise FileNotFoundError(
            f"{url} could not be fetched ({error}): run the same command again to go on after the "
            f"{kept} bytes that have arrived, or put the file by hand at {target}"
        ) from error
    found = sha256_of(part)
    if sha256 is not None and found != sha256:
        part.unlink()
        version.unlink(missing_ok=True)
        raise ValueError(
            f"{url} has sha256 {found} but {sha256} is expected: it was discarded; run again, or "
            "set dataset.sha256 to the new checksum if the publisher changed the file"
        )
    part.replace(target)
    version.unlink(missing_ok=True)


def _transfer(url: str, part: Path, version: Path, report: Report) -> None:
    """Append what is missing to ``part``; OSError or HTTPException when the transfer breaks."""
    start = part.stat().st_size if part.exists() and version.exists() else 0
    # A compressed transfer would make the byte positions meaningless.
    request = Request(url, headers={"Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", version.read_text())
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT_SECONDS)
    except HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        part.unlink()
        _transfer(url, part, version, report)
        return
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            start = 0
            _remember_version(version, response.headers)
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with part.open("ab" if start else "wb") as file:
            done = start
            report(done, total)
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                done += len(block)
                report(done, total)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and done != total:
        raise OSError(f"the connection closed after {done} of {total} bytes")


def _remember_version(version: Path, headers: Message) -> None:
    """Keep what identifies the server's file, so that two versions are never joined."""
    entity_tag = headers.get("ETag", "")
    identity = headers.get("Last-Modified") if entity_tag[:2] in ("", "W/") else entity_tag
    if identity:
        version.write_text(identity)
    else:
        version.unlink(missing_ok=True)
