"""What a user can put right: one sentence that says what to write instead."""

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")


class UserError(Exception):
    """Shown as one sentence, without a traceback."""


def choose(key: str, name: str, choices: Mapping[str, Value]) -> Value:
    """What ``choices`` calls ``name``.

    Raises:
        ValueError: If there is none of that name; says the configuration's ``key`` and the names.
    """
    if name not in choices:
        raise ValueError(f"{key} is {name!r}; choose one of {', '.join(choices)}.")
    return choices[name]
