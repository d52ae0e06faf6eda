"""Runs over machines that are network namespaces compute what one process does, to the last bit.

The namespaces have one host name: it tells nothing. ``pytest -m slow
tests/runner/workers/test_machines.py`` has all kinds of node memory and of tasks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.parallelism import Parallelism
from benchmark.records.run_folder import RunFolder
from tests.runner.workers.namespaces import (
    Namespaces,
    alone,
    best,
    namespaces,
    on_machines,
    run,
    run_alone,
    small,
    without_seconds,
)


@pytest.fixture
def two() -> Iterator[Namespaces]:
    with namespaces(2) as made:
        yield made


def records(results: Path) -> dict[tuple[str, str], Any]:
    """Metrics and lines of every run, by layout and node memory."""
    found = {}
    for path in results.rglob("result.json"):
        folder = RunFolder(path.parent)
        result, config = folder.result() or {}, folder.config()
        assert result["status"] == "finished", result
        layout = str(Parallelism(**config["parallelism"]))
        found[layout, config["system"]["node_memory"]] = (
            result["metrics"],
            without_seconds(folder),
        )
    return found


def sent_by_replicas(results: Path) -> list[float]:
    """Bytes of node memory that processes of a machine that share a copy have sent."""
    folders = [RunFolder(path.parent) for path in results.rglob("result.json")]
    replicas = [f for f in folders if f.config()["system"]["node_memory"] == "replica"]
    return [(folder.result() or {})["bytes_sent"]["node_memory"] for folder in replicas]


def test_two_machines_compute_what_one_does(two: Namespaces, tmp_path: Path) -> None:
    """2x1x2: two processes share a copy on each machine, and only weights cross."""
    words = small("parallelism.i=2", "parallelism.k=2", "processes=4")
    result, metrics = on_machines(two, words, tmp_path / "two")
    assert (result["status"], result["machines"], result["processes"]) == ("finished", 2, 4)
    expected, lines = alone(words[:-1], tmp_path / "one")
    assert expected["machines"] == 1
    assert (best(result), metrics) == (best(expected), lines)
    assert result["bytes_sent"]["gradients"] > 0
    assert result["bytes_sent"]["node_memory"] > 0  # between the processes of a machine


LAYOUTS = "parallelism=2x1x2,1x2x2"
LINKS = small(LAYOUTS, "system.node_memory=replica,daemon,sharded")
CLASSES = small(
    "suite=node_classification", "model=tgn_attention", "seeds=1", LAYOUTS,
    "system.node_memory=replica,daemon",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("words", "number"), [(LINKS, 6), (CLASSES, 4)], ids=["links", "classes"])
def test_every_node_memory_and_task(
    two: Namespaces, tmp_path: Path, words: list[str], number: int
) -> None:
    run(two, [*words, "processes=4"], tmp_path / "two")
    run_alone(words, tmp_path / "one")
    assert len(records(tmp_path / "two")) == number
    assert records(tmp_path / "two") == records(tmp_path / "one")
    assert min(sent_by_replicas(tmp_path / "two")) > 0


@pytest.mark.slow
def test_four_machines(tmp_path: Path) -> None:
    words = small("parallelism.k=4", "processes=4")
    with namespaces(4) as machines:
        result, metrics = on_machines(machines, words, tmp_path / "four")
    expected, lines = alone(words[:-1], tmp_path / "one")
    assert (best(result), metrics) == (best(expected), lines)
