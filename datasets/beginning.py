"""The beginning of a stream, as a data set of its own."""

from dataclasses import replace

from benchmark.datasets.chronology import split_by_time
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.validate import check_split


def beginning(dataset: Dataset, num_events: int) -> Dataset:
    """The first ``num_events`` events, split in the proportions of the whole.

    Nodes and possible destinations stay those of the whole stream. Raises ValueError if there are
    not so many events or a part of the split would be empty.
    """
    if num_events > dataset.num_events:
        raise ValueError(
            f"data set '{dataset.name}' has {dataset.num_events} events, not the {num_events} "
            "asked for; choose a smaller max_events or null for all"
        )
    fractions = [
        len(dataset.split.range(part)) / dataset.num_events for part in ("validation", "test")
    ]
    stream = dataset.stream[:num_events]
    split = split_by_time(stream.t.numpy(), *fractions)
    check_split(dataset.name, split)
    return replace(dataset, stream=stream, split=split)
