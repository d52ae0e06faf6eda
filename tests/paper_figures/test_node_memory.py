"""Seconds in node memory: the numbers drawn and what they claim."""

from pathlib import Path

import pandas as pd
import pytest

from paper_figures import node_memory
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun


@pytest.fixture
def timed(write_run: WriteRun) -> WriteRun:
    """Writes a run of two passes that spends ``read`` and ``write`` seconds in node memory."""

    def run(memory: str, processes: int, read: float, write: float, seed: int = 0) -> Path:
        return write_run(
            f"{memory}{processes}-{seed}",
            suite="node_memory",
            dataset="wikipedia",
            parallelism={"i": 4, "j": 1, "k": 1},
            processes=processes,
            emulated=processes < 4,
            seed=seed,
            seconds_by_part={"compute": 9.0, "memory_read": read, "memory_write": write},
            config={"system": {"node_memory": memory}, "processes": processes},
        )

    return run


def test_bars_are_the_median_seconds_of_a_pass(results: Path, timed: WriteRun) -> None:
    for seed, read in enumerate([1.0, 3.0, 2.0]):
        timed("daemon", 2, read, 0.5, seed)
    timed("replica", 1, 0.1, 0.1)
    [group] = node_memory.comparable(node_memory.select(load_records(results)[0]))
    daemon, replica = node_memory.measured(group).to_dict("records")
    assert (daemon["memory"], daemon["processes"], daemon["num_runs"]) == ("daemon", 2, 3)
    assert [daemon[name] for name in ("lowest", "seconds_per_pass", "highest")] == [
        0.75,
        1.25,
        1.75,
    ]
    assert replica["seconds_per_pass"] == pytest.approx(0.1)


def test_records_of_another_suite_or_without_parts_are_left_out(
    results: Path, timed: WriteRun, write_run: WriteRun
) -> None:
    timed("sharded", 1, 1.0, 1.0)
    write_run("older", suite="node_memory", config={"system": {"node_memory": "daemon"}})
    write_run("other")
    chosen = node_memory.select(load_records(results)[0])
    assert [record.folder.name for record in chosen] == ["sharded1-0"]


@pytest.mark.parametrize(
    ("two", "four", "verdict"),
    [
        (20.0, 30.0, Verdict.REPRODUCED),
        (2.0, 30.0, Verdict.PARTLY),
        (2.0, 0.5, Verdict.CONTRADICTED),
    ],
)
def test_sharding_claim(
    results: Path, timed: WriteRun, two: float, four: float, verdict: Verdict
) -> None:
    for processes, seconds in ((1, 1.0), (2, two), (4, four)):
        timed("sharded", processes, seconds, seconds)
    [claim] = node_memory.claims(load_records(results)[0])
    assert claim.published == "20.0x on 2 machines, 30.5x on 4 machines"
    assert claim.measured == f"{two:.1f}x on 2 processes, {four:.1f}x on 4 processes"
    assert "the same 4 trainers" in claim.conditions
    assert claim.verdict == verdict


def test_holes_claim_nothing_but_are_drawn(results: Path, timed: WriteRun, tmp_path: Path) -> None:
    timed("sharded", 2, 1.0, 1.0)
    timed("daemon", 4, 1.0, 1.0)
    records, problems = load_records(results)
    assert problems == []
    assert node_memory.claims(records) == []
    paths = node_memory.draw(records, tmp_path / "out")
    assert [path.name for path in paths][-1] == "node_memory_wikipedia.csv"
    drawn = pd.read_csv(paths[-1])
    assert drawn.groupby("origin").size().to_dict() == {"measured": 2, "published": 3}
    assert drawn["source"].notna().all()
