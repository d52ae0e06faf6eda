"""What a user can put right: one sentence that says what to write instead."""

import errno
from collections.abc import Mapping
from typing import TypeVar

from hydra.errors import InstantiationException

Value = TypeVar("Value")
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
DEFAULT_KEY = "results_dir, cache_dir or TMPDIR"
MOVE = "move the file away"
# How the system refuses to write, by the number of its error: what helps beside another place.
REFUSALS = {
    **dict.fromkeys(FULL_DISK, "make room"),
    errno.EIO: "look after the disk",
    errno.EROFS: "let it be written to",
    errno.EACCES: "allow it",
    errno.EPERM: "allow it",
    errno.ENAMETOOLONG: "choose shorter names",
    errno.ENOTDIR: MOVE,
    errno.EEXIST: MOVE,
    errno.EISDIR: "move the folder away",
    errno.ELOOP: "remove the link that leads to itself",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f)",
    errno.ESTALE: "look after the file server",
}


class UserError(Exception):
    """Shown as one sentence, without a traceback."""


class PlaceError(ValueError):
    """The system refuses to write at a place; says which and what to do."""


def choose(key: str, name: str, choices: Mapping[str, Value]) -> Value:
    """What ``choices`` calls ``name``.

    Raises:
        ValueError: If there is none of that name; says the configuration's ``key`` and the names.
    """
    if name not in choices:
        raise ValueError(f"{key} is {name!r}; choose one of {', '.join(choices)}.")
    return choices[name]


def refusal(error: OSError, place: object = None, key: str = DEFAULT_KEY) -> str:
    """What it means that the system refuses to write, and what to do: set ``key``, if any, or else.

    ``place`` is where, unless the error names it itself.
    """
    number, full = error.errno or 0, "Disk full: " if error.errno in FULL_DISK else ""
    access = "read or written" if number == errno.EIO else "written to"
    elsewhere = f"set {key} to a folder that can, on a disk with room, or " if key else ""
    return (
        f"{full}{error.filename or place or 'a file'} cannot be {access} ({error.strerror}): "
        f"{elsewhere}{REFUSALS.get(number, MOVE)}"
    )


def one_sentence(error: BaseException) -> str:
    """What a user needs to know of an error; a traceback is for the log."""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.errno in REFUSALS:
        return refusal(error)
    text = " ".join(str(error).split())
    if isinstance(error, UserError | ValueError | FileNotFoundError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
