"""A disk that refuses: in this process and its forks, writes to chosen files fail."""

import builtins
import io
import os
from collections.abc import Callable
from typing import Any

OPEN, FSYNC, MKDIR = builtins.open, os.fsync, os.mkdir


def refuse(fragment: str, number: int, operation: str = "write") -> Callable[[], None]:
    """What, once called, has an ``operation`` on paths with ``fragment`` in them fail so."""

    def error(path: object = None) -> OSError:
        named = () if path is None else (str(path),)
        return OSError(number, os.strerror(number), *named)

    class Refusing(io.FileIO):
        def write(self, content: Any) -> int:
            raise error()

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        path = os.fspath(file) if isinstance(file, str | os.PathLike) else ""
        if fragment not in str(path) or not set(mode) & set("wax+"):
            return OPEN(file, mode, *args, **kwargs)
        if operation == "open":
            raise error(path)
        if operation != "write":
            return OPEN(file, mode, *args, **kwargs)
        raw = Refusing(path, mode.replace("b", "").replace("t", ""))
        buffered = io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding="utf-8")

    def synced(descriptor: int) -> None:
        if operation == "fsync" and fragment in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise error()
        FSYNC(descriptor)

    def made(path: Any, *args: Any, **kwargs: Any) -> None:
        if operation == "mkdir" and fragment in os.fspath(path):
            raise error(path)
        MKDIR(path, *args, **kwargs)

    def arm() -> None:
        builtins.open = io.open = opened  # type: ignore[assignment]
        os.fsync, os.mkdir = synced, made

    return arm
