"""What a file is by its bytes, what it holds unpacked, and why it cannot be what its name says."""

import bz2
import gzip
import hashlib
import lzma
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile, ZipFile

from benchmark.storage.files import written_whole

Kind = Literal["text", "zip", "tensor", "array", "pickle"]

KINDS: dict[str, Kind] = {
    ".csv": "text",
    ".txt": "text",
    ".zip": "zip",
    ".pt": "tensor",
    ".npy": "array",
    ".pkl": "pickle",
}
STARTS: dict[Kind, tuple[bytes, ...]] = {
    "zip": (b"PK",),
    "tensor": (b"PK", b"\x80"),  # torch.save of today, and before 1.6
    "array": (b"\x93NUMPY",),
    "pickle": (b"\x80",),
}
GZIP = b"\x1f\x8b"
ARCHIVE = "unpack it and name the file inside"
PACKED = "unpack it, or pack it with gzip, bzip2 or xz"
FOREIGN = {  # what begins so, and what to do where text is expected
    b"PK": ("a zip archive", ARCHIVE),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", ARCHIVE),
    b"Rar!\x1a\x07": ("a rar archive", ARCHIVE),
    GZIP: ("a gzip file", "unpack it once"),
    b"BZh": ("a bzip2 file", "unpack it once"),
    b"\xfd7zXZ\x00": ("an xz file", "unpack it once"),
    b"\x28\xb5\x2f\xfd": ("a zstandard file", PACKED),
    b"\x1f\x9d": ("packed with compress", PACKED),
    b"Salted__": ("encrypted by openssl", "decrypt it first"),
    b"-----BEGIN PGP": ("encrypted by PGP", "decrypt it first"),
    b"PAR1": ("a parquet file", "load it with dataset=table"),
    b"%PDF": ("a pdf document", "save its table as csv"),
    b"<!DOCTYPE": ("a web page", "fetch the file again"),
    b"<html": ("a web page", "fetch the file again"),
    b"\xff\xfe": ("UTF-16 text", "save it as UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "save it as UTF-8"),
}
UNPACKERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
CLOCK_GRAIN_NS = 1_000_000_000  # two changes of a file within it may leave the same times
HEAD_BYTES = 512
TAR = slice(257, 262)  # where a tar archive says "ustar"
BLOCK_BYTES = 1 << 20


def foreign(head: bytes) -> tuple[str, str] | None:
    """What begins with these bytes, and what to do where text is expected; None where text may."""
    if head[TAR] == b"ustar":
        return "a tar archive", ARCHIVE
    if head.startswith(b"PK") and head[6:7] and head[6] & 1:
        return "an encrypted zip archive", ARCHIVE
    return next((found for start, found in FOREIGN.items() if head.startswith(start)), None)


def packing_of(path: Path) -> str | None:
    """What a file is, whatever its name, such as "a rar archive"; None where it may be text."""
    head = _head(path)
    if head.startswith(GZIP) and _gzipped_head(path)[TAR] == b"ustar":
        return "a tar.gz archive"
    found = foreign(head)
    return found and found[0]


def kind_by_name(path: Path) -> Kind | None:
    """What a file should be by the ending of its name, without ``.gz``; None where any will do."""
    return KINDS.get(Path(path.name.removesuffix(".gz")).suffix.lower())


def problem_of(path: Path, kind: Kind | None) -> str | None:
    """Why a file cannot be of this kind, by its first bytes; None where it can."""
    head = _head(path)
    packing = packing_of(path)
    text = (_gzipped_head(path) if head.startswith(GZIP) else head).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        return "is empty"
    if text.startswith(b"<"):
        return "is a web page"
    if kind == "text":
        if packing not in (None, "a gzip file"):
            return f"is {packing} where text is expected"
        return "is a message in JSON" if text.startswith(b"{") else None
    if kind is not None and not head.startswith(STARTS[kind]):
        return f"is {packing or 'something else'} where a {kind} file is expected"
    return None


def damage_of(path: Path) -> str | None:
    """Why a file is not whole, where its packing tells: gzip to its end, the directory of a zip."""
    head = _head(path)
    try:
        if head.startswith(GZIP):
            with gzip.open(path) as file:
                while file.read(BLOCK_BYTES):
                    pass
        elif head.startswith(b"PK"):
            ZipFile(path).close()
    except (EOFError, OSError, BadZipFile, zlib.error) as error:
        return f"is not whole ({error})"
    return None


@contextmanager
def open_unpacked(path: Path) -> Iterator[BufferedIOBase]:
    """The bytes of a file, unpacked where it is gzip, bzip2 or xz whatever its name.

    Raises ValueError, also while they are read, where it is packed and damaged.
    """
    with path.open("rb") as packed:
        start = packed.read(6)
    openers = (opener for magic, opener in UNPACKERS.items() if start.startswith(magic))
    try:
        with next(openers, open)(path, "rb") as file:
            yield file
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        if getattr(error, "errno", None) is not None:  # of the disk, not of the packing
            raise
        raise ValueError(f"{path} is not a whole packed file ({error}): fetch it again") from error


def content_checksum(path: Path, cache: Path) -> str:
    """The sha256 of what a file holds, unpacked; kept while its size and times stay the same.

    Raises ValueError when the file is packed and damaged.
    """
    before = _identity(path)
    note = cache / "checksums" / hashlib.sha256(before.encode()).hexdigest()
    with suppress(OSError, ValueError):
        digest, seal = note.read_text().split()
        if seal == _seal(before, digest):
            return digest
    settled = path.stat().st_ctime_ns < time.time_ns() - CLOCK_GRAIN_NS
    with open_unpacked(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if settled and _identity(path) == before:
        with suppress(ValueError), written_whole(note) as temporary:
            temporary.write_text(f"{digest} {_seal(before, digest)}")
    return digest


def _identity(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _seal(identity: str, digest: str) -> str:
    """Tells a checksum that was noted for a file from one that is damaged."""
    return hashlib.sha256(f"{identity} {digest}".encode()).hexdigest()


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _gzipped_head(path: Path) -> bytes:
    """The first bytes inside a gzip file; those of a placeholder where it is too damaged."""
    try:
        with gzip.open(path) as file:
            return file.read(HEAD_BYTES)
    except (EOFError, OSError, zlib.error):
        return b"?"
