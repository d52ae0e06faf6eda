"""What a user can put right: one sentence that says what to write instead."""

from collections.abc import Mapping
from typing import TypeVar

from hydra.errors import InstantiationException

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


def one_sentence(error: BaseException) -> str:
    """What a user needs to know of an error; a traceback is for the log."""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    if isinstance(error, UserError | ValueError | FileNotFoundError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
