"""Training batches against what they are made from."""

import pytest
import torch

from benchmark.graph.past import Visibility
from benchmark.graph.samplers import RecentSampler
from benchmark.training.batch import BatchBuilder, TrainingBatch
from tests.disttgl.small import PROTOCOL
from tests.models.plain import plain_neighbors
from tests.models.streams import random_dataset, sampler_of, small_model

DATASET = random_dataset(seed=3, num_events=60, num_nodes=12)
CPU = torch.device("cpu")


def builder(
    visibility: Visibility = Visibility.EVENT, num_negatives: int = 2, seed: int = 0
) -> BatchBuilder:
    sampler = sampler_of(DATASET, small_model(DATASET), visibility)
    return BatchBuilder(DATASET, sampler, PROTOCOL.negatives(DATASET), num_negatives, seed, CPU)


def negatives_of(batch: TrainingBatch) -> list[int]:
    rows = batch.subgraph.roots[2 * batch.num_events :]
    return batch.subgraph.nodes[rows].tolist()


@pytest.mark.parametrize("visibility", list(Visibility))
def test_roots_and_their_neighbours(visibility: Visibility) -> None:
    """The second member of a global batch: nothing of the first one is visible under BATCH."""
    whole, local = range(20, 40), range(30, 37)
    batch = builder(visibility).build(local, whole, trainer=1, iteration=5)
    graph, stream = batch.subgraph, DATASET.stream
    roots = graph.nodes[graph.roots].tolist()
    ends = [*stream.src[30:37].tolist(), *stream.dst[30:37].tolist()]
    assert roots[:14] == ends
    assert len(roots) == 14 + 7 * 2
    assert graph.nodes.tolist() == sorted(set(graph.nodes.tolist()))
    times = stream.t[30:37].tolist()
    times = times * 2 + [time for time in times for _ in range(2)]
    width = graph.mask.shape[1]
    for root, (node, time) in enumerate(zip(roots, times, strict=True)):
        expected = plain_neighbors(DATASET, visibility, node, time, whole.start)[:width]
        found = zip(
            graph.nodes[graph.neighbors[root]].tolist(),
            graph.events[root].tolist(),
            (time - graph.elapsed[root]).tolist(),
            strict=True,
        )
        assert list(found)[: len(expected)] == expected
        assert graph.mask[root].tolist() == [True] * len(expected) + [False] * (
            width - len(expected)
        )
        assert not graph.elapsed[root, len(expected) :].any()


def test_negatives_are_keyed_by_trainer_and_iteration_and_seed() -> None:
    whole = range(20, 40)
    first = negatives_of(builder().build(whole, whole, 0, 0))
    assert negatives_of(builder().build(whole, whole, 0, 0)) == first
    others = [
        negatives_of(builder().build(whole, whole, 1, 0)),
        negatives_of(builder().build(whole, whole, 0, 1)),
        negatives_of(builder(seed=1).build(whole, whole, 0, 0)),
    ]
    assert all(other != first for other in others)
    true = [node for node in DATASET.stream.dst[20:40].tolist() for _ in range(2)]
    assert all(node != other for node, other in zip(first, true, strict=True))


@pytest.mark.parametrize("local_size", [1, 3, 5, 15])
def test_members_write_each_node_of_the_global_batch_once_from_its_last_event(
    local_size: int,
) -> None:
    whole = range(20, 35)
    expected = {}
    for event in whole:
        src, dst = int(DATASET.stream.src[event]), int(DATASET.stream.dst[event])
        expected[src] = (dst, event)
        expected[dst] = (src, event)
    found, sizes = {}, []
    for start in range(20, 35, local_size):
        batch = builder().build(range(start, start + local_size), whole, 0, 0)
        write, nodes = batch.write, batch.subgraph.nodes
        assert torch.equal(nodes[write.own], write.nodes)
        assert torch.equal(write.times, DATASET.stream.t[write.events])
        rows = zip(
            write.nodes.tolist(), nodes[write.other].tolist(), write.events.tolist(), strict=True
        )
        for node, other, event in rows:
            assert node not in found
            found[node] = (other, event)
        sizes.append(write.nodes.numel())
    assert found == expected
    if local_size == 1:
        assert 0 in sizes  # a member may have nothing to write


def test_sampler_and_number_of_negatives_are_free() -> None:
    sampler = RecentSampler(builder().sampler.index, 9, Visibility.EVENT)
    builder_of_five = BatchBuilder(DATASET, sampler, PROTOCOL.negatives(DATASET), 5, 0, CPU)
    batch = builder_of_five.build(range(6), range(6), 0, 0)
    assert batch.roots.shape == (6, 5)
    assert batch.subgraph.mask.shape == (6 * 7, 9)
