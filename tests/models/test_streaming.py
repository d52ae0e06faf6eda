"""Scoring and observing along a stream: right, without side effects, and without leaks."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, Split
from benchmark.graph.past import Visibility
from benchmark.models.contract import TemporalModel
from benchmark.models.dysat import DySAT
from benchmark.models.node_state import NodeState
from benchmark.models.streaming import StreamingModel
from benchmark.models.tgat import TGAT
from benchmark.models.tgn_attention import TGNAttention
from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool
from benchmark.protocol.walk import Sharing
from benchmark.training.processes import Processes
from tests.models.closeness import assert_close
from tests.models.plain import PlainTGN
from tests.models.plain_layers import Case
from tests.models.streams import empty_state, random_dataset, sampler_of, small_model
from tests.models.variants import without_zeros
from tests.thread_processes import on_threads

BATCH = 7


def streaming_model(
    dataset: Dataset,
    visibility: Visibility = Visibility.EVENT,
    dtype: torch.dtype = torch.float64,
) -> StreamingModel:
    """A model with dropout, which must be off here, and an empty memory."""
    model = small_model(dataset, dtype, dropout=0.5, attention_dropout=0.5)
    return StreamingModel(
        model, sampler_of(dataset, model, visibility), empty_state(dataset, model)
    )


def everyone(dataset: Dataset, num_events: int) -> Tensor:
    """All nodes as candidates of every event."""
    return torch.arange(dataset.num_nodes).expand(num_events, -1)


def walk(stream: StreamingModel, dataset: Dataset, stop: int) -> list[Tensor]:
    """Scores of all nodes in every batch up to the event ``stop``."""
    scores = []
    for start in range(0, stop, BATCH):
        events = dataset.batch(start, min(start + BATCH, stop))
        scores.append(stream.score(events, everyone(dataset, len(events))))
        stream.observe(events)
    return scores


def copied(state: NodeState) -> NodeState:
    return NodeState(*(field.clone() for field in state))


@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize("edge_dim", [0, 3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_scores_and_memory_equal_the_plain_ones_along_the_stream(
    visibility: Visibility, edge_dim: int, dtype: torch.dtype
) -> None:
    dataset = random_dataset(5, num_events=40, edge_dim=edge_dim)
    fast = streaming_model(dataset, visibility, dtype)
    assert isinstance(fast.model, TGNAttention)
    plain = PlainTGN(fast.model, dataset, visibility, fast.state)
    for start in range(0, 40, BATCH):
        events = dataset.batch(start, min(start + BATCH, 40))
        candidates = everyone(dataset, len(events))[:, ::3]
        with torch.no_grad():
            assert_close(fast.score(events, candidates), plain.scores(events, candidates))
        fast.observe(events)
        plain.observe(events)
        for mine, other in zip(fast.state, plain.state, strict=True):
            if mine.is_floating_point():
                assert_close(mine, other)
            else:
                assert torch.equal(mine, other)


def test_scoring_changes_nothing() -> None:
    dataset = random_dataset(6)
    stream = streaming_model(dataset)
    walk(stream, dataset, 30)
    before = copied(stream.state)
    weights = [parameter.clone() for parameter in stream.model.parameters()]
    events = dataset.batch(30, 37)
    first = stream.score(events, everyone(dataset, 7))
    assert torch.equal(stream.score(events, everyone(dataset, 7)), first)
    for field, old in zip(stream.state, before, strict=True):
        assert torch.equal(field, old)
    for parameter, old in zip(stream.model.parameters(), weights, strict=True):
        assert torch.equal(parameter, old)
    assert not first.requires_grad


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_scores_do_not_depend_on_the_size_of_chunks(chunk: int) -> None:
    dataset = random_dataset(7)
    expected = walk(streaming_model(dataset), dataset, 42)
    chunked = streaming_model(dataset)
    chunked.roots_per_chunk = chunk
    for mine, other in zip(walk(chunked, dataset, 42), expected, strict=True):
        assert_close(mine, other)


@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize("chunk", [1, 5, 64])
@pytest.mark.parametrize(
    "network",
    [partial(TGAT, num_neighbors=3), partial(DySAT, num_neighbors=3, snapshot_duration=4)],
)
def test_chunks_that_are_sampled_one_by_one_give_the_same_scores(
    network: Callable[..., TemporalModel], chunk: int, visibility: Visibility
) -> None:
    dataset = random_dataset(7)
    model = without_zeros(network(dataset.stream.msg))
    case = Case(dataset, visibility, first=35)
    stream = StreamingModel(
        model, sampler_of(dataset, model, visibility), empty_state(dataset, model)
    )
    stream.roots_per_chunk = chunk
    walk(stream, dataset, 35)
    assert_close(stream.score(case.events, case.candidates), case.fast_scores(model))


@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize("world", [2, 3])
def test_scores_of_a_share_are_those_of_the_whole_batch(visibility: Visibility, world: int) -> None:
    dataset = random_dataset(8)
    stream = streaming_model(dataset, visibility)
    walk(stream, dataset, 21)
    events, candidates = dataset.batch(21, 28), everyone(dataset, 7)
    whole = stream.score(events, candidates)
    for rank in range(world):
        rows = torch.arange(7)[rank::world]
        assert_close(stream.score(events.select(rows), candidates[rows]), whole[rows])


def test_scores_do_not_depend_on_the_other_candidates() -> None:
    dataset = random_dataset(9)
    stream = streaming_model(dataset)
    walk(stream, dataset, 21)
    events, candidates = dataset.batch(21, 28), everyone(dataset, 7)
    whole = stream.score(events, candidates)
    for column in range(dataset.num_nodes):
        assert_close(stream.score(events, candidates[:, [column]]), whole[:, [column]])


def test_nodes_that_have_met_nobody_tie_exactly() -> None:
    """The same function of the same inputs must be the same number, wherever the row stands.

    Ranking gives ties half a rank; a difference in the last bit would decide them by accident.
    """
    dataset = random_dataset(11, num_events=30, num_nodes=500)
    model = small_model(
        dataset, torch.float32, memory_dim=100, time_dim=100, embedding_dim=100, num_neighbors=10
    )
    stream = StreamingModel(model, sampler_of(dataset, model), empty_state(dataset, model))
    walk(stream, dataset, 21)
    met = torch.cat([dataset.stream.src[:28], dataset.stream.dst[:28]]).unique()
    unseen = torch.tensor(sorted(set(range(500)) - set(met.tolist())))
    events, candidates = dataset.batch(21, 28), unseen.expand(7, -1)
    scores = stream.score(events, candidates)
    assert torch.equal(scores, scores[:, :1].expand_as(scores))
    static = torch.zeros(500, 100)
    static[unseen[1::2]] = torch.randn(len(unseen) // 2, 100)
    model.use_static_memory(static)
    scores = stream.score(events, candidates)
    assert torch.equal(scores[:, ::2], scores[:, :1].expand_as(scores[:, ::2]))
    assert len(scores[0, 1::2].unique()) > len(unseen) // 3


@pytest.mark.parametrize("world", [2, 3])
def test_metrics_of_shares_are_exactly_those_of_one_process(world: int) -> None:
    """In float32 and with many candidates that nothing is known about."""
    split = Split(60, 90, 120)
    dataset = random_dataset(12, num_events=120, num_nodes=400, split=split)
    protocol = LinkProtocol("toy", Visibility.EVENT, 49, NegativePool.NODES, 0, "mrr")
    model = small_model(dataset, torch.float32, memory_dim=50, embedding_dim=100)

    def evaluate(processes: Processes) -> dict[str, float]:
        stream = StreamingModel(model, sampler_of(dataset, model), empty_state(dataset, model))
        walk(stream, dataset, 60)
        return evaluate_links(
            stream,
            dataset,
            "validation",
            protocol,
            batch_size=10,
            sharing=Sharing(processes.rank, processes.world_size, processes.sum),
        )

    alone = evaluate(Processes())
    assert on_threads(world, evaluate) == [alone] * world
    assert alone["mrr"] < alone["mrr_optimistic"]  # there are ties


def test_chunks_fill_the_memory_that_they_may() -> None:
    """A neighbour has the features of its event and twice the width of memory, in eight bytes."""
    stream = streaming_model(random_dataset())
    row = stream.sampler.num_neighbors * (2 * stream.model.memory_dim + 3) * 8
    one = StreamingModel(stream.model, stream.sampler, stream.state, mebibytes=1)
    assert one.roots_per_chunk == 2**20 // row
    assert stream.roots_per_chunk == 64 * 2**20 // row


def test_chunks_count_the_neighbours_of_neighbours_and_all_snapshots() -> None:
    dataset = random_dataset()
    model = DySAT(dataset.stream.msg, node_dim=6, num_neighbors=4, num_snapshots=3)
    stream = StreamingModel(model, sampler_of(dataset, model), empty_state(dataset, model), 1)
    assert stream.roots_per_chunk == 2**20 // (3 * (4 + 4 * 4) * (2 * 6 + 3) * 4)
