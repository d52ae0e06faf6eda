"""How many events reach node memory at a batch size (DistTGL, Figure 8)."""

import csv
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from benchmark.build import build_dataset, provenance
from benchmark.graph.captured_events import captured_events
from benchmark.record import RunFolder
from benchmark.training.processes import Processes

BARS_IN_FIGURE = 3000


class CapturedEvents:
    """Counts, per node, the events that survive when a batch keeps the last one only."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(
        self, experiment: DictConfig, folder: RunFolder, processes: Processes
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
