"""How well each node is served: the mean reciprocal rank of its events."""

import csv
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmark.datasets.dataset import Dataset, SplitName
from benchmark.protocol.metrics import ranks

COLUMNS = ("split", "node", "degree", "num_events", "mrr")
Row = tuple[str, int, int, int, float]


def node_ranks(
    dataset: Dataset, split: SplitName, scores: Tensor, num_negatives: Tensor | None = None
) -> list[Row]:
    """``COLUMNS`` of every node that is the source of an event of ``split``, in order of node.

    ``scores`` [num_events, 1 + num_negatives] are those of the split, the true destination's
    first, and ``num_negatives`` as in ``link_metrics``. ``mrr`` is over the ``num_events`` of which
    the node is the source, to 4 decimals; ``degree`` counts all events of the stream that the node
    takes part in.
    """
    stream, events = dataset.stream, dataset.split.range(split)
    mean, _ = ranks(scores, num_negatives)
    sources, inverse, num_events = np.unique(
        stream.src[events.start : events.stop].numpy(), return_inverse=True, return_counts=True
    )
    mrr = np.bincount(inverse, weights=1 / mean) / num_events
    ends = np.concatenate([stream.src.numpy(), stream.dst.numpy()])
    degrees = np.bincount(ends, minlength=dataset.num_nodes)[sources]
    columns = (sources.tolist(), degrees.tolist(), num_events.tolist(), mrr.round(4).tolist())
    return [(split, *row) for row in zip(*columns, strict=True)]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write ``rows`` as a csv file with ``COLUMNS`` as its header."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
