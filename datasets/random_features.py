"""Random edge features, for streams without any: what they cost, not what they tell."""

from dataclasses import replace

import torch

from benchmark.datasets.dataset import Dataset

SEED = 0  # the same features for every system and every seed of training


def with_random_edge_features(dataset: Dataset, width: int) -> Dataset:
    """The data set with ``width`` standard normal features per event in place of its own."""
    generator = torch.Generator().manual_seed(SEED)
    stream = dataset.stream.clone()
    stream.msg = torch.randn(dataset.num_events, width, generator=generator)
    source = replace(dataset.source, random_edge_features=width)
    return replace(dataset, stream=stream, source=source)
