"""Random edge features in place of a stream's own."""

from pathlib import Path

import torch

from benchmark.datasets.locations import Locations
from benchmark.datasets.synthetic import load_synthetic
from benchmark.datasets.transforms import with_random_edge_features


def test_every_event_gets_features_and_the_rest_stays(tmp_path: Path) -> None:
    own = load_synthetic(Locations(None, tmp_path), "synthetic", 0, 100, 2000, True, 4)
    random = with_random_edge_features(own, 7)
    assert (own.edge_dim, random.edge_dim) == (4, 7)
    assert random.stream.msg.shape == (2000, 7)
    assert random.stream.msg.dtype == torch.float32
    assert abs(random.stream.msg.mean()) < 0.05
    assert abs(random.stream.msg.std() - 1) < 0.05
    assert torch.equal(random.stream.src, own.stream.src)
    assert torch.equal(random.stream.y, own.stream.y)
    assert (own.source.random_edge_features, random.source.random_edge_features) == (0, 7)


def test_they_are_the_same_every_time(tmp_path: Path) -> None:
    own = load_synthetic(Locations(None, tmp_path), "synthetic", 0, 100, 500, True, 0)
    first, second = (with_random_edge_features(own, 3).stream.msg for _ in range(2))
    assert torch.equal(first, second)
