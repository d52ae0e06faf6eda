"""The task behind Figure 8."""

import csv
from pathlib import Path

import pytest
import torch
from torch_geometric.data import TemporalData

from benchmark.datasets.dataset import Dataset, Source, Split
from benchmark.records.run_folder import RunFolder
from benchmark.runner.compose import compose_settings
from benchmark.tasks import captured_events
from benchmark.tasks.captured_events import CapturedEvents
from benchmark.training.processes import Processes
from tests.experiments import MakeExperiment
from tests.real_data import real_data


@pytest.fixture
def dataset() -> Dataset:
    """Node 0 meets node 4, 5, 4, 5, 4; node 7 has no event."""
    src, dst = torch.zeros(5, dtype=torch.long), torch.tensor([4, 5, 4, 5, 4])
    stream = TemporalData(src=src, dst=dst, t=torch.arange(5), msg=torch.zeros(5, 0))
    return Dataset("tiny", stream, 8, True, Split(3, 4, 5), Source("made up", {}))


def test_bars_and_sums(
    dataset: Dataset,
    tmp_path: Path,
    make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(captured_events, "build_dataset", lambda experiment: dataset)
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


def test_wikipedia_gives_the_bars_of_figure_8(
    tmp_path: Path, make_experiment: MakeExperiment
) -> None:
    dataset = compose_settings(["dataset=wikipedia"])["dataset"]
    expected = {200: (606, 105_063), 600: (255, 76_569), 2400: (66, 49_861)}
    for batch_size, bars in expected.items():
        experiment = make_experiment(
            batch_size=batch_size,
            dataset=dataset,
            datasets_root=str(real_data("wikipedia")),
            cache_dir=str(tmp_path / "cache"),
        )
        task = CapturedEvents("captured_events")
        metrics = task.run(experiment, RunFolder(tmp_path), Processes())["metrics"]
        assert (metrics["largest_bar"], metrics["sum_of_3000_largest"]) == bars
