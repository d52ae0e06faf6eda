"""The task behind Figure 8, and what it counts."""

import csv
from pathlib import Path

import pandas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmark.datasets.dataset import Dataset, Source, Split, Stream
from benchmark.records.run_folder import RunFolder
from benchmark.runner.compose import compose_settings
from benchmark.tasks.counts import CapturedEvents, captured_events
from benchmark.training.processes import Processes
from tests.experiments import MakeExperiment
from tests.real_data import real_data


@pytest.fixture
def dataset() -> Dataset:
    """Node 0 meets node 4, 5, 4, 5, 4; node 7 has no event."""
    src, dst = torch.zeros(5, dtype=torch.long), torch.tensor([4, 5, 4, 5, 4])
    stream = Stream(src=src, dst=dst, t=torch.arange(5), msg=torch.zeros(5, 0))
    return Dataset("tiny", stream, 8, True, Split(3, 4, 5), Source("made up", {}))


def test_bars_and_sums(
    dataset: Dataset,
    tmp_path: Path,
    make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{CapturedEvents.__module__}.build_dataset", lambda experiment: dataset)
    task = CapturedEvents("captured_events")
    outcome = task.run(make_experiment(batch_size=2), RunFolder(tmp_path), Processes())
    assert outcome["metrics"] == {"largest_bar": 3, "sum_of_3000_largest": 8, "num_batches": 3}
    assert outcome["source"] == {
        "files": {},
        "moved_rows": 0,
        "time_unit": None,
        "class_names": [],
        "random_edge_features": 0,
    }
    with open(tmp_path / "bars.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["captured_events"]) for row in rows] == [3, 3, 2]


def test_wikipedia_as_it_is_loaded(tmp_path: Path, make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(
        batch_size=600,
        dataset=compose_settings(["dataset=wikipedia"])["dataset"],
        datasets_root=str(real_data("wikipedia")),
        cache_dir=str(tmp_path / "cache"),
    )
    task = CapturedEvents("captured_events")
    metrics = task.run(experiment, RunFolder(tmp_path), Processes())["metrics"]
    assert (metrics["largest_bar"], metrics["sum_of_3000_largest"]) == (255, 76_569)


def test_toy_stream_by_hand() -> None:
    # Batches of two: {0-1, 0-1}, {0-2, 3-0}, {1-1}.
    src, dst = torch.tensor([0, 0, 0, 3, 1]), torch.tensor([1, 1, 2, 0, 1])
    assert captured_events(src, dst, batch_size=2, num_nodes=5).tolist() == [2, 2, 1, 1, 0]
    assert captured_events(src, dst, batch_size=1, num_nodes=5).tolist() == [4, 3, 1, 1, 0]
    assert captured_events(src, dst, batch_size=9, num_nodes=5).tolist() == [1, 1, 1, 1, 0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30), st.integers(1, 9))
def test_random_streams_against_sets(events: list[tuple[int, int]], batch_size: int) -> None:
    src, dst = torch.tensor(events, dtype=torch.int64).reshape(-1, 2).T.contiguous()
    seen: list[set[int]] = [set() for _ in range(7)]
    for event, ends in enumerate(events):
        for node in ends:
            seen[node].add(event // batch_size)
    found = captured_events(src, dst, batch_size, num_nodes=7)
    assert found.dtype == torch.int64
    assert found.tolist() == [len(batches) for batches in seen]


@pytest.mark.parametrize("batch_size", [0, -3])
def test_batch_size_must_be_positive(batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"batch_size is {batch_size};"):
        captured_events(torch.tensor([0]), torch.tensor([1]), batch_size, num_nodes=2)


@pytest.fixture(scope="module")
def wikipedia() -> tuple[Tensor, Tensor]:
    path = real_data("wikipedia/wikipedia.csv") / "wikipedia" / "wikipedia.csv"
    # The header names one column for many features, so it cannot name the columns.
    table = pandas.read_csv(path, header=None, skiprows=1, usecols=[0, 1])
    src, items = torch.from_numpy(table.to_numpy()).T.contiguous()
    return src, items + src.max() + 1


@pytest.mark.parametrize(
    ("batch_size", "largest", "total"),
    [
        (200, 606, 105_063),
        (400, 368, 86_162),
        (600, 255, 76_569),
        (1200, 132, 62_374),
        (2400, 66, 49_861),
    ],
)
def test_wikipedia_gives_the_bars_of_figure_8(
    wikipedia: tuple[Tensor, Tensor], batch_size: int, largest: int, total: int
) -> None:
    bars = captured_events(*wikipedia, batch_size, num_nodes=9227).sort(descending=True).values
    assert bars[0] == largest
    assert bars[:3000].sum() == total
