"""The floor of a run, from the batches of its stream."""

from collections.abc import Sequence

import pytest
import torch

from benchmark.datasets.dataset import Dataset
from benchmark.graph.past import Visibility
from benchmark.models.tgn_attention import (
    BatchShape,
    Product,
    Widths,
    training_operations,
)
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool, NegativeSampler
from benchmark.tasks import speed as module
from benchmark.tasks.build import build_dataset
from tests.experiments import experiment_of
from tests.models.streams import random_dataset, sampler_of, small_model

NUM_NEGATIVES = 2


def brute_force(
    dataset: Dataset, sampler: NegativeSampler, start: int, stop: int, batch: int
) -> list[int]:
    """Events, candidates, distinct nodes, distinct roots, roots and edges of one batch."""
    src, dst, t = (getattr(dataset.stream, name).tolist() for name in ("src", "dst", "t"))
    drawn = dataset.batch(start, stop), NUM_NEGATIVES, 3, 0, batch, "negatives"
    negatives = sampler.training(*drawn)
    roots, neighbors = [], []
    for row, event in enumerate(range(start, stop)):
        for root in (src[event], dst[event], *negatives[row].tolist()):
            roots.append(root)
            past = [
                other
                for earlier in range(dataset.num_events)
                if t[earlier] < t[event]
                for node, other in ((src[earlier], dst[earlier]), (dst[earlier], src[earlier]))
                if node == root
            ]
            neighbors += past[-4:]
    nodes = len({*roots, *neighbors})
    events = stop - start
    return [events, 3 * events, nodes, len(set(roots)), len(roots), len(neighbors)]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_mean_batch_is_that_of_the_subgraphs(seed: int) -> None:
    dataset = random_dataset(seed, num_events=60, num_nodes=12)  # 30 of them for training
    sampler = sampler_of(dataset, small_model(dataset))  # 4 neighbours
    negatives = LinkProtocol("any", Visibility.EVENT, 49, NegativePool.NODES, 0, "mrr").negatives(
        dataset
    )
    found = module.mean_batch_shape(dataset, sampler, negatives, 12, NUM_NEGATIVES, 3)
    bounds = [(0, 12), (12, 24), (24, 30)]
    each = [brute_force(dataset, negatives, *pair, batch) for batch, pair in enumerate(bounds)]
    assert list(found) == [round(sum(counts) / 3) for counts in zip(*each, strict=True)]


def test_the_floor_is_the_operations_at_the_measured_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    def rate(products: Sequence[Product], device: torch.device) -> float:
        return 5e9

    monkeypatch.setattr(module, "product_rate", rate)
    experiment = experiment_of(
        "system=disttgl", "max_events=1000", "batch_size=50", "random_edge_features=7"
    )
    protocol = LinkProtocol("any", Visibility.EVENT, 49, NegativePool.BIPARTITE, 0, "mrr")
    floor = module.roofline(experiment, build_dataset(experiment), protocol)
    shape = BatchShape(*(int(floor[name]) for name in BatchShape._fields))
    assert (shape.events, shape.candidates, shape.roots) == (50, 100, 150)
    assert shape.root_nodes <= shape.nodes
    operations = training_operations(shape, Widths(100, 7, 100, 100, 2))
    assert floor["gflop_per_batch"] == pytest.approx(operations / 1e9)
    assert floor["gflop_per_second"] == 5.0
    assert floor["events_per_second"] == pytest.approx(50 * 5e9 / operations)
