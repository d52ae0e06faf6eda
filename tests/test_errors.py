"""Picking by name, and what the system refuses in one sentence."""

import errno
import os

import pytest

from benchmark.errors import DEFAULT_KEY, REFUSALS, UserError, choose, one_sentence, refusal


def test_a_known_name() -> None:
    assert choose("system.precision", "b", {"a": 1, "b": 2}) == 2


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    message = r"system\.node_memory is 'mailbox'; choose one of replica, daemon\."
    with pytest.raises(ValueError, match=message):
        choose("system.node_memory", "mailbox", {"replica": 1, "daemon": 2})


@pytest.mark.parametrize("number", REFUSALS)
def test_a_refusal_names_the_place_and_the_remedy(number: int) -> None:
    said = one_sentence(OSError(number, os.strerror(number), "/results/a"))
    assert said == refusal(OSError(number, os.strerror(number)), "/results/a")
    assert said.startswith("Disk full: ") == (number in (errno.ENOSPC, errno.EDQUOT))
    assert "/results/a cannot be " in said
    assert f"({os.strerror(number)}): set {DEFAULT_KEY} to a folder that can" in said


def test_other_errors_keep_their_words() -> None:
    assert one_sentence(FileNotFoundError(2, "No such file", "a.csv")).endswith("'a.csv'")
    assert one_sentence(UserError("as it\nis")) == "as it is"
    assert one_sentence(KeyError("a")) == "KeyError: 'a'"
