"""The task behind the tables of data sets."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind, Split
from benchmark.records.run_folder import RunFolder
from benchmark.tasks import counts
from benchmark.tasks.counts import DatasetStatistics, statistics
from benchmark.training.processes import Processes
from tests.experiments import MakeExperiment
from tests.protocol.streams import dataset_of


@pytest.fixture
def dataset() -> Dataset:
    """Five events of seven nodes at times 0 to 4; three train, one validates, one tests."""
    src, dst = torch.zeros(5, dtype=torch.long), torch.tensor([4, 5, 4, 5, 6])
    return dataset_of(src, dst, num_nodes=7, split=Split(3, 4, 5), bipartite=True)


def labelled(dataset: Dataset, kind: LabelKind, labels: Tensor) -> Dataset:
    dataset.stream.y = labels
    return replace(dataset, label_kind=kind, num_classes=3)


def test_counts_reach_the_record(
    dataset: Dataset,
    tmp_path: Path,
    make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = replace(dataset, node_features=torch.zeros(7, 4))
    dataset.stream.t += 10
    monkeypatch.setattr(counts, "build_dataset", lambda experiment: dataset)
    task = DatasetStatistics("dataset_statistics")
    outcome = task.run(make_experiment(), RunFolder(tmp_path), Processes())
    assert outcome["metrics"] == {
        "num_nodes": 7,
        "num_events": 5,
        "first_time": 10,
        "last_time": 14,
        "node_feature_dim": 4,
        "edge_feature_dim": 0,
        "num_classes": 0,
        "num_node_labels": 0,
        "num_edge_labels": 0,
        "num_training_events": 3,
        "num_validation_events": 1,
        "num_test_events": 1,
    }
    assert outcome["source"]["files"] == {}


@pytest.mark.parametrize(
    ("kind", "labels", "of_nodes", "of_edges"),
    [
        (LabelKind.NODE, torch.tensor([0, 2, UNLABELLED, 1, 0]), 2, 0),
        (LabelKind.EDGE, torch.tensor([0, 2, UNLABELLED, 1, 0]), 0, 4),
        (LabelKind.MULTI_EDGE, torch.tensor([[0.0, 0], [1, 1], [0, 1], [0, 0], [0, 0]]), 0, 2),
    ],
)
def test_labels_are_of_nodes_or_of_edges(
    dataset: Dataset, kind: LabelKind, labels: Tensor, of_nodes: int, of_edges: int
) -> None:
    counts = statistics(labelled(dataset, kind, labels))
    assert (counts["num_node_labels"], counts["num_edge_labels"]) == (of_nodes, of_edges)
    assert counts["num_classes"] == 3
