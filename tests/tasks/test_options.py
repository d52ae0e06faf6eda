"""Numbers that cannot be meant are refused by the last part of their key, in one sentence."""

from typing import Any

import pytest

from benchmark.tasks.choices import check_options, check_ranges
from benchmark.tasks.node_decoder import DecoderTraining

NEVER = (float("nan"), float("inf"), -1, -0.5)
COUNTS = ("num_nodes", "log_interval", "epochs", "static_memory_patience", "batch_size",
          "walk_length", "last_training_events", "evaluation_events", "events_per_node",
          "projection_factor", "memory_dim", "num_heads", "num_layers")  # fmt: skip
# By the name of the option: what is refused beside ``NEVER``, and what is taken.
OPTIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    **dict.fromkeys(COUNTS, ((0, 1e20), (1, 7))),
    "num_labels": ((1e20,), (0, 3)),  # of lastfm there are none
    "edge_dim": ((1e20,), (0, 172)),
    "learning_rate": ((0, 1e20), (1e-4, 1000)),
    "static_memory_table_learning_rate": ((0, 1e20), (2e-2,)),
    "validation_fraction": ((0, 1, 1.5, 1e20), (0.15,)),
    "static_memory_held_out": ((0, 1, 2), (0.05,)),
    "static_memory_dropout": ((1, 2), (0, 0.5)),
    "window": ((0, 1.5), (0.15, 1)),
    "time_decay": ((), (0, 1e-7)),
    "seed": ((2**31,), (0, 5)),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_numbers_out_of_their_range_are_refused(name: str) -> None:
    refused, taken = OPTIONS[name]
    for value in (*NEVER, *refused):
        for options in ({name: value}, {"below": {name: value}}):
            with pytest.raises(ValueError, match=rf"^task\.(below\.)?{name} must be .*, not "):
                check_ranges("task", options)
    for value in taken:
        check_ranges("task", {name: value})


def needs(number: float | None, count: int, flag: bool, decoder: dict[str, Any]) -> None:
    """Takes options of these types."""


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("number", True, "a number or null"),
        ("number", "x", "a number or null"),
        ("count", None, "a whole number"),
        ("count", 1.5, "a whole number"),
        ("count", False, "a whole number"),
        ("flag", 1, "true or false"),
        ("flag", None, "true or false"),
        ("decoder", 3, "a group of keys"),
    ],
)
def test_other_types_are_refused(key: str, value: object, wanted: str) -> None:
    options = {"number": None, "count": 1, "flag": True, "decoder": {}}
    check_options("task", needs, options, given=(), may_lack=False)
    with pytest.raises(ValueError, match=f"^task.{key} must be {wanted}, not {value!r}"):
        check_options("task", needs, options | {key: value}, given=(), may_lack=False)


def test_options_of_a_data_class_are_checked_like_those_of_a_class() -> None:
    options = {"epochs": 1, "batch_size": 2, "learning_rate": 0.1, "hidden_dim": 3}
    check_options("task.decoder", DecoderTraining, options, given=(), may_lack=False)
    with pytest.raises(ValueError, match=r"^task\.decoder\.epochs must be a whole"):
        check_options(
            "task.decoder", DecoderTraining, options | {"epochs": "x"}, given=(), may_lack=False
        )
