"""Seconds of sampling by layout and threads beside TGL's."""

from pathlib import Path
from typing import Any

import pytest

from paper_figures import sampling_speed
from paper_figures.claim import Verdict
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun

TGN = {"num_layers": 1, "strategy": "recent", "num_snapshots": 1, "num_neighbors": 10}
TGAT = TGN | {"num_layers": 2, "strategy": "uniform"}


@pytest.fixture
def write(write_run: WriteRun) -> WriteRun:
    """``write(seconds, threads, seed, layout, **config)``: one timed pass over Wikipedia."""

    def timed(
        seconds: float, threads: int = 1, seed: int = 0, layout: Any = TGN, **config: Any
    ) -> Path:
        folder = write_run(
            f"{layout['num_layers']}-{threads}-{seed}-{seconds}",
            suite="sampling_speed",
            task="sampling_speed",
            dataset="wikipedia",
            seed=seed,
            seconds={"train": None, "evaluate": None, "total": 9.0, "sample": seconds},
            throughput_events_per_second=None,
            metrics={"num_batches": 184},
            config={"threads": threads, "task": layout, **config},
        )
        (folder / "metrics.jsonl").unlink()
        return folder

    return timed


def test_speedups_are_those_of_each_seed(results: Path, write: WriteRun) -> None:
    for seed, (one, two) in enumerate([(0.12, 0.10), (0.10, 0.05), (0.20, 0.10)]):
        write(one, 1, seed)
        write(two, 2, seed)
    records, problems = load_records(results)
    assert problems == []
    single, double = sampling_speed.measured(sampling_speed.select(records))
    assert (single["layout"], single["threads"], single["num_runs"]) == ("TGN", 1, 3)
    values = [single[name] for name in ("seconds", "seconds_low", "seconds_high", "speedup")]
    assert values == [0.12, 0.1, 0.2, 1]
    assert double["speedup"] == pytest.approx(2)
    assert double["speedup_low"] == pytest.approx(1.2)


def test_without_a_single_thread_there_is_no_speedup(results: Path, write: WriteRun) -> None:
    write(0.1, 2)
    (row,) = sampling_speed.measured(load_records(results)[0])
    assert (row["seconds"], row["speedup"]) == (0.1, None)


def test_layouts_that_tgl_has_not_are_left_out(results: Path, write: WriteRun) -> None:
    write(0.1)
    write(0.2, layout=TGN | {"num_neighbors": 20})
    write(0.3, layout=TGN | {"strategy": "uniform"})
    write(0.4, batch_size=200)
    write(0.5, max_events=1000)
    records = sampling_speed.select(load_records(results)[0])
    assert [record.seconds["sample"] for record in records] == [0.1]


def test_published_seconds_and_speedups_share_a_row(results: Path, write: WriteRun) -> None:
    write(0.1)
    table = sampling_speed.together(load_records(results)[0])
    tgl = table[(table["layout"] == "TGN") & (table["origin"] == "published")].set_index("threads")
    assert tgl["speedup"].to_dict() == {1: 1, 2: 1.56, 4: 1.95, 8: 2.06, 16: 2.12, 32: 2.42}
    assert tgl["seconds"].dropna().to_dict() == {1: 0.094, 8: 0.46, 32: 0.039}
    assert table["layout"].unique().tolist() == ["TGN", "TGAT", "DySAT"]


def test_claims(results: Path, write: WriteRun) -> None:
    write(0.12)
    write(0.08, 2)
    write(4.0, layout=TGAT)
    tgn, tgat, threads = sampling_speed.claims(load_records(results)[0])
    assert (tgn.published, tgn.measured) == ("0.094 s", "0.120 s")
    assert tgn.verdict is Verdict.PARTLY  # as fast, on another machine
    assert (tgat.published, tgat.measured) == ("1.557 s", "4.000 s")
    assert tgat.verdict is Verdict.INCOMPARABLE  # another machine may be slower
    assert (threads.published, threads.measured) == ("1.56", "1.50")
    assert threads.verdict is Verdict.REPRODUCED
