"""What a data set holds (DistTGL, Table 2; TGL, Table 3)."""

from typing import Any

from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind
from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, provenance
from benchmark.tasks.task import Task
from benchmark.training.processes import Processes


class DatasetStatistics(Task):
    """Counts nodes, events, features and labels of the whole stream and the events of its split."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Count; nothing is trained."""
        dataset = build_dataset(experiment)
        return {"metrics": statistics(dataset), "source": provenance(dataset)}


def statistics(dataset: Dataset) -> dict[str, int]:
    """Counts by name, times in the unit of the stream.

    Labels of nodes are counted as TGL counts those of Wikipedia and Reddit: the state 0, in which
    nearly all sources are, does not count.
    """
    times, split, features = dataset.stream.t, dataset.split, dataset.node_features
    return {
        "num_nodes": dataset.num_nodes,
        "num_events": dataset.num_events,
        "first_time": int(times[0]),
        "last_time": int(times[-1]),
        "node_feature_dim": 0 if features is None else features.shape[1],
        "edge_feature_dim": dataset.edge_dim,
        "num_classes": dataset.num_classes,
        "num_node_labels": num_node_labels(dataset),
        "num_edge_labels": num_edge_labels(dataset),
        "num_training_events": split.train_end,
        "num_validation_events": split.validation_end - split.train_end,
        "num_test_events": split.num_events - split.validation_end,
    }


def num_node_labels(dataset: Dataset) -> int:
    """Events that find their source in a state other than 0; 0 where labels are not of nodes."""
    if dataset.label_kind is not LabelKind.NODE:
        return 0
    labels = dataset.labels
    return int(((labels != 0) & (labels != UNLABELLED)).sum())


def num_edge_labels(dataset: Dataset) -> int:
    """Events with at least one class; 0 where labels are not of edges."""
    if dataset.label_kind is LabelKind.EDGE:
        return int((dataset.labels != UNLABELLED).sum())
    if dataset.label_kind is LabelKind.MULTI_EDGE:
        return int(dataset.labels.any(1).sum())
    return 0
