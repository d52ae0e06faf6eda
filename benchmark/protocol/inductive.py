"""Which events are inductive: those with a node that training has not met."""

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, SplitName


def inductive_events(dataset: Dataset, split: SplitName) -> Tensor:
    """Whether each event of ``split`` has a node that no training event has, bool [num_events].

    Nothing is withheld from training: the nodes are new because they come late in the stream.
    """
    stream, train_end = dataset.stream, dataset.split.train_end
    known = torch.zeros(dataset.num_nodes, dtype=torch.bool)
    known[stream.src[:train_end]] = True
    known[stream.dst[:train_end]] = True
    events = dataset.split.range(split)
    batch = dataset.batch(events.start, events.stop)
    return ~(known[batch.src] & known[batch.dst])
