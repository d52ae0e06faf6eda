"""No score knows what comes later, and each visibility shows what it says."""

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.graph.past import Visibility
from tests.models.streams import random_dataset
from tests.models.test_streaming import BATCH, everyone, streaming_model, walk


def with_another_future(dataset: Dataset, hidden: Tensor) -> Dataset:
    """The same stream with other ends and features for the events where ``hidden``."""
    stream = copy.deepcopy(dataset.stream)
    generator = torch.Generator().manual_seed(99)
    count = int(hidden.sum())
    stream.src[hidden] = torch.randint(dataset.num_nodes, (count,), generator=generator)
    stream.dst[hidden] = torch.randint(dataset.num_nodes, (count,), generator=generator)
    stream.msg[hidden] = torch.randn(count, dataset.edge_dim, generator=generator)
    return replace(dataset, stream=stream)


def scores_after(dataset: Dataset, visibility: Visibility, start: int) -> Callable[[int], Tensor]:
    """Scores of all candidates for single events of the batch from ``start`` on.

    The event asks about its ends and time in the original stream whatever ``dataset`` says.
    """
    stream = streaming_model(dataset, visibility)
    walk(stream, dataset, start)
    original = random_dataset(14)

    def score(event: int) -> Tensor:
        asked = original.batch(start, start + BATCH).select(slice(event - start, event - start + 1))
        return stream.score(asked, everyone(dataset, 1))

    return score


def test_with_visibility_event_a_query_sees_nothing_from_its_own_time_on() -> None:
    dataset, start = random_dataset(14), 28
    before = scores_after(dataset, Visibility.EVENT, start)
    for event in range(start, start + BATCH):
        # Memory is that before the batch: its events can be seen as neighbours only.
        hidden = dataset.stream.t >= dataset.stream.t[event]
        hidden[:start] = False
        after = scores_after(with_another_future(dataset, hidden), Visibility.EVENT, start)
        assert torch.equal(after(event), before(event))


def test_with_visibility_event_a_query_sees_earlier_events_of_its_batch() -> None:
    dataset, start = random_dataset(14), 28
    before = scores_after(dataset, Visibility.EVENT, start)
    last = start + BATCH - 1
    hidden = torch.zeros(dataset.num_events, dtype=torch.bool)
    hidden[start] = True
    assert dataset.stream.t[start] < dataset.stream.t[last]
    after = scores_after(with_another_future(dataset, hidden), Visibility.EVENT, start)
    assert not torch.equal(after(last), before(last))


def test_with_visibility_batch_a_query_sees_nothing_of_its_batch() -> None:
    dataset, start = random_dataset(14), 28
    hidden = torch.arange(dataset.num_events) >= start
    before = scores_after(dataset, Visibility.BATCH, start)
    after = scores_after(with_another_future(dataset, hidden), Visibility.BATCH, start)
    for event in range(start, start + BATCH):
        assert torch.equal(after(event), before(event))
    assert dataset.stream.t[start - 1] == dataset.stream.t[start]  # a tie across the boundary
    hidden[start - 1] = True
    after = scores_after(with_another_future(dataset, hidden), Visibility.BATCH, start)
    assert not torch.equal(after(start), before(start))
