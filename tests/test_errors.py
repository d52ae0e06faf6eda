"""Picking by name."""

import pytest

from benchmark.errors import choose


def test_a_known_name() -> None:
    assert choose("system.precision", "b", {"a": 1, "b": 2}) == 2


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    message = r"system\.node_memory is 'mailbox'; choose one of replica, daemon\."
    with pytest.raises(ValueError, match=message):
        choose("system.node_memory", "mailbox", {"replica": 1, "daemon": 2})
