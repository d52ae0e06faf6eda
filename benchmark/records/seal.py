"""What tells a record that is as it was written from a damaged one."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

SEAL = "seal"  # the field of result.json
CHANGED = "not what was written"
DRAWN = "figures"  # a folder of what was drawn from the runs beside it
RESULT, CONFIG, LINES = "result.json", "config.yaml", "metrics.jsonl"
ENVIRONMENT = "environment.json"
ENVIRONMENT_TYPES = {"cpu": str, "cores": int, "gpus": list, "threads_per_process": int}
BESIDE = ("bars.csv", "nodes.csv")  # what some tasks write beside them
SEALED = {"lines": LINES, "config": CONFIG, "environment": ENVIRONMENT, "bars": BESIDE[0],
          "nodes": BESIDE[1]}  # fmt: skip
YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where built


class Unreadable(NamedTuple):
    """Something in a results folder that gives no row, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class DamagedError(ValueError):
    """A file of a run that cannot be read, or is not what was written; the message says why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.unreadable = Unreadable(path, reason)


class Prefix(NamedTuple):
    """The first bytes of a file that grows: how many, how many lines they are, their sha256."""

    num_bytes: int
    lines: int
    sha256: str


def prefix_of(path: Path, num_bytes: int | None = None) -> Prefix:
    """The first ``num_bytes`` of a file, or all; nothing where there is no file."""
    content = _content(path)[:num_bytes] if path.exists() else b""
    return Prefix(len(content), content.count(b"\n"), hashlib.sha256(content).hexdigest())


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it: numbers as floats, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def seal_of(result: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What the record was when ``result``, a plain one, was written last."""
    now = {name: prefix_of(folder / file) for name, file in SEALED.items()}
    return {
        "lines": now["lines"].lines,
        **{f"{name}_sha256": content.sha256 for name, content in now.items()},
        "result_sha256": _digest(result),
    }


def beside(folder: Path) -> dict[str, str]:
    """The sha256 of what a task has written beside the lines, by name."""
    return {name: prefix_of(folder / name).sha256 for name in BESIDE if (folder / name).exists()}


def check_seal(folder: Path, result: dict[str, Any]) -> None:
    """Refuse a record that is not what was sealed; takes the seal, where there is one, away.

    Raises DamagedError.
    """
    if SEAL not in result:  # of an earlier version
        return
    seal = result.pop(SEAL)
    try:
        now = seal_of(result, folder)
    except OSError as error:
        raise DamagedError(folder, f"cannot be read ({brief(error)})") from None
    if not isinstance(seal, dict) or seal.get("result_sha256") != now["result_sha256"]:
        raise DamagedError(folder / RESULT, CHANGED)
    if seal.get("lines") != now["lines"]:
        reason = f"has {now['lines']} lines, not the {seal.get('lines')} that were written"
        raise DamagedError(folder / LINES, reason)
    for name, file in SEALED.items():
        key = f"{name}_sha256"
        if seal.get(key) != now[key] and (key in seal or file in (LINES, CONFIG)):
            raise DamagedError(folder / file, CHANGED)


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object; raises DamagedError."""
    try:
        value = json.loads(_content(path).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedError(path, f"not readable as JSON ({brief(error)})") from None
    if not isinstance(value, dict):
        raise DamagedError(path, f"holds a {type(value).__name__}, not a JSON object")
    return value


def read_environment(folder: Path) -> dict[str, Any]:
    """What the run in ``folder`` ran on; nothing where it does not say. Raises DamagedError."""
    path = folder / ENVIRONMENT
    if not path.exists():
        return {}
    found = read_object(path)
    for name, kind in ENVIRONMENT_TYPES.items():
        if not isinstance(found.get(name), kind):
            raise DamagedError(path, f"{name} is {found.get(name)!r}")
    return found


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects that the lines of a file are; raises DamagedError."""
    try:
        texts = _content(path).decode("utf-8").splitlines()
    except FileNotFoundError:
        raise DamagedError(path, "the file is missing") from None
    except (OSError, ValueError) as error:
        raise DamagedError(path, f"not readable ({brief(error)})") from None
    lines = []
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if not isinstance(line, dict):
            raise DamagedError(path, f"line {number} is not a JSON object")
        lines.append(line)
    return lines


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a yaml file; raises DamagedError."""
    try:
        tree = yaml.load(_content(path).decode("utf-8"), Loader=YAML_LOADER)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise DamagedError(path, f"not readable as YAML ({brief(error)})") from None
    if not isinstance(tree, dict):
        raise DamagedError(path, f"holds a {type(tree).__name__}, not settings")
    return tree


def _content(path: Path) -> bytes:
    """The bytes of a file; OSError where it is none, such as a pipe, which may never end."""
    if path.exists() and not path.is_file():
        raise OSError("no file")
    return path.read_bytes()


def _digest(result: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()


def brief(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())
