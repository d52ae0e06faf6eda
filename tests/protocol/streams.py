"""Small streams with and without two sides, for the tests of the protocol."""

import torch
from torch_geometric.data import TemporalData

from benchmark.datasets.dataset import Dataset, Source, Split
from benchmark.graph.visibility import Visibility
from benchmark.protocol.counter import random_integers
from benchmark.protocol.link_protocol import LinkProtocol, NegativePool, NegativeSampling


def dataset_of(
    src: torch.Tensor, dst: torch.Tensor, num_nodes: int, split: Split, bipartite: bool
) -> Dataset:
    """A data set named "toy" of these events, one a time unit, without features."""
    num_events = src.numel()
    stream = TemporalData(
        src=src, dst=dst, t=torch.arange(num_events), msg=torch.zeros(num_events, 0)
    )
    return Dataset(
        name="toy",
        stream=stream,
        num_nodes=num_nodes,
        bipartite=bipartite,
        split=split,
        source=Source("made by a test", {}),
    )


def random_dataset(num_events: int, num_nodes: int = 300, bipartite: bool = True) -> Dataset:
    """Uniform random events; of a bipartite stream, the first third of the nodes are sources."""
    first_destination = num_nodes // 3 if bipartite else 0
    num_sources = first_destination or num_nodes
    events = torch.arange(num_events)
    src = random_integers(1, events, num_sources)
    dst = first_destination + random_integers(2, events, num_nodes - first_destination)
    split = Split(num_events // 10, num_events - num_events // 10, num_events)
    return dataset_of(src, dst, num_nodes, split, bipartite)


def protocol_with(
    num_negatives: int,
    negative_pool: NegativePool = NegativePool.DESTINATIONS,
    seed: int = 0,
    negative_sampling: NegativeSampling = NegativeSampling.RANDOM,
    inductive: bool = False,
) -> LinkProtocol:
    return LinkProtocol(
        "toy",
        Visibility.EVENT,
        num_negatives,
        negative_pool,
        seed,
        "mrr",
        negative_sampling,
        inductive,
    )
