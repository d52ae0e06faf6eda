"""Small streams with and without two sides, for the tests of the protocol."""

import hashlib

import torch

from benchmark.datasets.dataset import Dataset, EventBatch, Source, Split, SplitName, Stream
from benchmark.graph.past import Visibility
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool
from benchmark.randomness import random_integers


def dataset_of(
    src: torch.Tensor, dst: torch.Tensor, num_nodes: int, split: Split, bipartite: bool
) -> Dataset:
    """A data set named "toy" of these events, one a time unit, without features."""
    num_events = src.numel()
    stream = Stream(src=src, dst=dst, t=torch.arange(num_events), msg=torch.zeros(num_events, 0))
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
    negative_sampling: str = "random",
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


def events_of(dataset: Dataset, ids: torch.Tensor) -> EventBatch:
    """Events in any order, as one batch."""
    stream = dataset.stream
    return EventBatch(0, ids, stream.src[ids], stream.dst[ids], stream.t[ids])


def candidates_of(
    dataset: Dataset, protocol: LinkProtocol, ids: torch.Tensor, split: SplitName = "validation"
) -> torch.Tensor:
    """What a system is asked to rank for the events ``ids``."""
    return protocol.negatives(dataset).candidates(events_of(dataset, ids), split)


def checksum(candidates: torch.Tensor) -> str:
    """sha256 over shape and values."""
    text = f"{tuple(candidates.shape)}".encode()
    return hashlib.sha256(text + candidates.numpy().tobytes()).hexdigest()
