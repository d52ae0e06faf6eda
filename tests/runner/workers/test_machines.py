"""Runs over machines that are network namespaces compute what one process does, to the last bit.

The namespaces have one host name: it tells nothing. ``pytest -m slow
tests/runner/workers/test_machines.py`` has all kinds of node memory and of tasks.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.workers.namespaces import SMALL, Namespaces, alone, best, namespaces, on_machines


@pytest.fixture
def two() -> Iterator[Namespaces]:
    with namespaces(2) as made:
        yield made


def test_two_machines_compute_what_one_does(two: Namespaces, tmp_path: Path) -> None:
    """2x1x2: two processes share a copy on each machine, and only weights cross."""
    words = [*SMALL, "parallelism.i=2", "parallelism.k=2", "processes=4"]
    result, metrics = on_machines(two, words, tmp_path / "two")
    assert (result["status"], result["machines"], result["processes"]) == ("finished", 2, 4)
    expected, lines = alone(words[:-1], tmp_path / "one")
    assert "machines" not in expected or expected["machines"] == 1
    assert (best(result), metrics) == (best(expected), lines)
    assert result["bytes_sent"]["node_memory"] > 0  # between the processes of a machine


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [["i=2", "k=2"], ["j=2", "k=2"]])
@pytest.mark.parametrize("node_memory", ["replica", "daemon", "sharded"])
@pytest.mark.parametrize("task", [[], ["suite=node_classification", "dataset=sessions"]])
def test_every_node_memory_and_task(
    two: Namespaces, tmp_path: Path, degrees: list[str], node_memory: str, task: list[str]
) -> None:
    degrees = [f"parallelism.{degree}" for degree in degrees]
    words = [*SMALL, *degrees, f"system.node_memory={node_memory}"]
    if task:
        words = [word for word in words if word.partition("=")[0] not in ("suite", "dataset")]
        words = [*task, *(w for w in words if w != "dataset.num_nodes=100")]
    result, metrics = on_machines(two, [*words, "processes=4"], tmp_path / "two")
    expected, lines = alone(words, tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)


@pytest.mark.slow
def test_four_machines(tmp_path: Path) -> None:
    words = [*SMALL, "parallelism.k=4", "processes=4"]
    with namespaces(4) as machines:
        result, metrics = on_machines(machines, words, tmp_path / "four")
    expected, lines = alone(words[:-1], tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)
