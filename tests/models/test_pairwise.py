"""Pairwise networks along the stream: chunks, ties, shares, and what they are not asked for."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.graph.past import Visibility
from benchmark.models.dygformer import DyGFormer
from benchmark.models.pairwise import PairwiseModel
from benchmark.models.streaming import StreamingModel
from benchmark.models.tpnet import TPNet
from tests.models.closeness import assert_close
from tests.models.streams import empty_state, random_dataset, sampler_of
from tests.models.variants import without_zeros

BATCH = 7
SMALL = {"node_dim": 6, "time_dim": 5, "embedding_dim": 8}
NETWORKS: list[Callable[..., PairwiseModel]] = [
    partial(DyGFormer, **SMALL, channel_dim=4, sequence_length=5),
    partial(TPNet, **SMALL, num_neighbors=4, time_decay=0.01, projection_factor=2),
]
networks = pytest.mark.parametrize("network", NETWORKS, ids=["dygformer", "tpnet"])


def streaming(
    network: Callable[..., PairwiseModel],
    dataset: Dataset,
    visibility: Visibility = Visibility.EVENT,
    mebibytes: int = 64,
) -> StreamingModel:
    """A network whose weights are the same in every call, and an empty memory."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = without_zeros(network(dataset.stream.msg))
    sampler = sampler_of(dataset, model, visibility)
    return StreamingModel(model, sampler, empty_state(dataset, model), mebibytes)


def everyone(dataset: Dataset, num_events: int = BATCH) -> Tensor:
    return torch.arange(dataset.num_nodes).expand(num_events, -1)


def walk(stream: StreamingModel, dataset: Dataset, stop: int) -> None:
    for start in range(0, stop, BATCH):
        stream.observe(dataset.batch(start, start + BATCH))


@networks
@pytest.mark.parametrize("visibility", list(Visibility))
def test_scores_do_not_depend_on_chunks_or_on_what_else_is_asked(
    network: Callable[..., PairwiseModel], visibility: Visibility
) -> None:
    dataset = random_dataset(7)
    stream = streaming(network, dataset, visibility)
    walk(stream, dataset, 28)
    events, candidates = dataset.batch(28, 35), everyone(dataset)
    whole = stream.score(events, candidates)
    assert len(whole.unique()) > 40
    for chunk in (1, 3, 11):
        stream.pairs_per_chunk = chunk
        assert_close(stream.score(events, candidates), whole)
    order = torch.randperm(dataset.num_nodes, generator=torch.Generator().manual_seed(1))
    assert_close(stream.score(events, candidates[:, order]), whole[:, order])
    rows = torch.tensor([5, 1, 2])
    assert_close(stream.score(events.select(rows), candidates[rows]), whole[rows])


@networks
def test_asking_changes_nothing_and_needs_no_gradient(
    network: Callable[..., PairwiseModel],
) -> None:
    dataset = random_dataset(7)
    stream = streaming(network, dataset)
    walk(stream, dataset, 28)
    before = stream.state.map(Tensor.clone)
    events = dataset.batch(28, 35)
    scores = stream.score(events, everyone(dataset))
    assert torch.equal(stream.score(events, everyone(dataset)), scores)
    assert not scores.requires_grad
    for field, old in zip(stream.state, before, strict=True):
        assert torch.equal(field, old)


def test_two_nodes_that_have_met_nobody_score_alike_unless_they_are_one() -> None:
    """Ranking gives ties half a rank; a node that meets itself is another question."""
    dataset = random_dataset(11, num_events=30, num_nodes=300)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DyGFormer(dataset.stream.msg)
    stream = StreamingModel(model, sampler_of(dataset, model), empty_state(dataset, model))
    walk(stream, dataset, 21)
    met = torch.cat([dataset.stream.src[:28], dataset.stream.dst[:28]]).unique()
    unseen = torch.tensor(sorted(set(range(300)) - set(met.tolist())))
    events = dataset.batch(21, 28)
    events = replace(events, src=torch.cat([events.src[:6], unseen[:1]]))
    scores = stream.score(events, unseen.expand(7, -1))
    assert torch.equal(scores[:6], scores[:6, :1].expand_as(scores[:6]))
    assert torch.equal(scores[6, 1:], scores[6, 1].expand(len(unseen) - 1))
    assert scores[6, 0] != scores[6, 1]


@networks
def test_chunks_of_pairs_fill_the_memory_that_they_may(
    network: Callable[..., PairwiseModel],
) -> None:
    dataset = random_dataset()
    stream = streaming(network, dataset, mebibytes=1)
    model = stream.model
    row = model.num_neighbors * (2 * 6 + 3 + model.memory_dim) * 8
    assert stream.pairs_per_chunk == 2**20 // row // 2


@networks
def test_nodes_have_no_embedding_of_their_own(network: Callable[..., PairwiseModel]) -> None:
    dataset = random_dataset()
    stream = streaming(network, dataset)
    with pytest.raises(ValueError, match="embeds pairs of nodes and no node alone"):
        stream.embed_sources(dataset.batch(0, 7))
