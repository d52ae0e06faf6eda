"""How many of a node's events its memory can tell apart at a batch size (DistTGL, Figure 8)."""

import csv
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, provenance
from benchmark.tasks.task import Task
from benchmark.training.processes import Processes

BARS_IN_FIGURE = 3000


class CapturedEvents(Task):
    """Counts, per node, the events that survive when a batch keeps the last one only."""

    def __init__(self, name: str) -> None:
        self.name = name

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
