"""Counts of a stream, for which nothing is trained: what it holds and what node memory captures."""

import csv
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind
from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, provenance
from benchmark.tasks.task import Task
from benchmark.training.processes import Processes


class DatasetStatistics(Task):
    """Counts nodes, events, features and labels of the whole stream and the events of its split."""

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


BARS_IN_FIGURE = 3000


class CapturedEvents(Task):
    """Counts, per node, the events that survive when a batch keeps the last one only."""

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Count over the whole stream; writes ``bars.csv``, one row per node that has events."""
        dataset = build_dataset(experiment)
        stream, batch_size = dataset.stream, experiment.batch_size
        counts = captured_events(stream.src, stream.dst, batch_size, dataset.num_nodes)
        bars = counts[counts > 0].sort(descending=True).values.tolist()
        if processes.rank == 0:
            write_bars(folder.path / "bars.csv", bars)
        return {
            "metrics": {
                "largest_bar": max(bars),
                "sum_of_3000_largest": sum(bars[:BARS_IN_FIGURE]),
                "num_batches": -(-dataset.num_events // batch_size),
            },
            "source": provenance(dataset),
        }


def write_bars(path: Path, bars: list[int]) -> None:
    """One column, ``captured_events``, as it is given."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["captured_events"])
        writer.writerows([bar] for bar in bars)


def captured_events(src: Tensor, dst: Tensor, batch_size: int, num_nodes: int) -> Tensor:
    """Number of batches in which each node is a source or a destination, int64 [num_nodes].

    Node memory takes in one mail per node and batch, so this is the number of events it captures
    (DistTGL, arXiv 2307.07649, Figure 8). ``src`` and ``dst`` are int64 [num_events] in the order
    of the stream; ``batch_size`` is in events.

    Raises:
        ValueError: If ``batch_size`` is not positive.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1.")
    num_batches = -(-src.numel() // batch_size)
    batches = torch.arange(src.numel(), device=src.device) // batch_size
    appearances = torch.cat([src * num_batches + batches, dst * num_batches + batches]).unique()
    return torch.bincount(appearances // max(num_batches, 1), minlength=num_nodes)
