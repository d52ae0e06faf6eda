"""APAN against a computation of one node and one mail at a time."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.graph.past import Visibility
from benchmark.models.apan import APAN
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.streaming import StreamingModel
from tests.models.closeness import assert_close
from tests.models.plain import plain_neighbors
from tests.models.streams import empty_state, random_dataset, sampler_of
from tests.models.variants import (
    DATASET,
    fast_scores,
    normalised,
    plain_idle,
    plain_scores,
    random_rows,
    state_of,
    without_zeros,
)


def small_apan(node_features: Tensor | None = None, dataset: Dataset = DATASET) -> APAN:
    sizes = {"memory_dim": 6, "time_dim": 5, "num_neighbors": 3, "mailbox_size": 4}
    return without_zeros(APAN(dataset.stream.msg, **sizes, node_features=node_features))


def plain_memory(model: APAN, state: NodeState, node: int) -> Tensor:
    """One mail after the other; slots without one are left out."""
    memory, mails, _, times, events = (field[node] for field in state)
    inputs = []
    for mail, time, event in zip(mails, times, events, strict=True):
        if event != NO_EVENT:
            angle = model.time_encoding.weight * (times[0] - time) + model.time_encoding.bias
            inputs.append(torch.cat([mail, model.edge_features[event], torch.cos(angle)]))
    context = torch.zeros_like(memory)
    if inputs:
        queries = (model.query.weight @ memory + model.query.bias).chunk(model.num_heads)
        keys = [(model.key.weight @ row + model.key.bias).chunk(model.num_heads) for row in inputs]
        values = [model.value.weight @ row + model.value.bias for row in inputs]
        heads = []
        for head, query in enumerate(queries):
            scores = torch.stack([F.leaky_relu(query @ key[head], 0.2) for key in keys])
            parts = torch.stack([value.chunk(model.num_heads)[head] for value in values])
            heads.append(scores.softmax(0) @ parts)
        context = torch.cat(heads)
    normal = normalised(memory + context, model.norm.weight, model.norm.bias)
    return torch.relu(model.output.weight @ normal + model.output.bias)


@pytest.mark.parametrize("featured", [False, True])
def test_scores_equal_a_plain_computation(featured: bool) -> None:
    features = random_rows(3) if featured else None
    model = small_apan(features)
    state = state_of(model)

    def embedding(node: int, time: int, neighbors: list[tuple[int, int, int]]) -> Tensor:
        known = plain_memory(model, state, node)
        if model.node_features is not None and features is not None:
            known = known + model.node_features.projection(features[node].double())
        idle = plain_idle(state, node, time)
        return known * (
            1 + model.projection.weight[:, 0] * math.log(1 + idle) + model.projection.bias
        )

    assert_close(fast_scores(model, state), plain_scores(model, embedding))


def plain_observe(
    model: APAN, state: NodeState, visibility: Visibility, start: int, stop: int
) -> None:
    """Deliver the mails of a batch one by one; of all that reach a node the last one stays."""
    events, ends = DATASET.batch(start, stop), set()
    memory = [plain_memory(model, state, node) for node in range(DATASET.num_nodes)]
    arrived = {}
    for event, src, dst, time in zip(events.ids, events.src, events.dst, events.t, strict=True):
        for own, other in ((int(src), int(dst)), (int(dst), int(src))):
            ends.add(own)
            mail = (torch.cat([memory[own], memory[other]]), time, event)
            around = plain_neighbors(DATASET, visibility, own, int(time), start)
            for neighbor, _, _ in around[: model.num_neighbors]:
                arrived[neighbor] = mail
            arrived[own] = mail
    for node in ends:
        state.memory[node] = memory[node]
        state.memory_time[node] = state.mail_time[node, 0]
    for node, mail in arrived.items():
        for box, new in zip((state.mail, state.mail_time, state.mail_event), mail, strict=True):
            box[node] = torch.cat([new.unsqueeze(0), box[node, :-1]])


@pytest.mark.parametrize("visibility", list(Visibility))
@torch.no_grad()
def test_mailboxes_along_the_stream_equal_plain_ones(visibility: Visibility) -> None:
    model = small_apan()
    sampler = sampler_of(DATASET, model, visibility)
    fast = StreamingModel(model, sampler, empty_state(DATASET, model))
    plain = empty_state(DATASET, model)
    for start in range(0, 45, 9):
        fast.observe(DATASET.batch(start, start + 9))
        plain_observe(model, plain, visibility, start, start + 9)
        for field, expected in zip(fast.state, plain, strict=True):
            assert_close(field.double(), expected.double())
    assert (plain.mail_event[:, -1] != NO_EVENT).any(), "no mailbox was full"


@torch.no_grad()
def test_a_neighbour_gets_the_mail_and_keeps_its_memory() -> None:
    """Events 0-1, 1-2 one by one: the mail of node 1 in the second also reaches node 0."""
    dataset = random_dataset()
    dataset.stream.src[:2], dataset.stream.dst[:2] = torch.tensor([0, 1]), torch.tensor([1, 2])
    dataset.stream.t[:2] = torch.tensor([0, 1])
    model = small_apan(dataset=dataset)
    streaming = StreamingModel(model, sampler_of(dataset, model), empty_state(dataset, model))
    streaming.observe(dataset.batch(0, 1))
    before = streaming.state.rows(torch.arange(3))
    streaming.observe(dataset.batch(1, 2))
    state = streaming.state
    assert state.mail_event[:4].tolist() == [
        [1, 0, NO_EVENT, NO_EVENT],
        [1, 0, NO_EVENT, NO_EVENT],
        [1, NO_EVENT, NO_EVENT, NO_EVENT],
        [NO_EVENT] * 4,
    ]
    assert state.mail_time[:2, :2].tolist() == [[1, 0], [1, 0]]
    assert torch.equal(state.mail[0, 0], state.mail[1, 0])
    assert not torch.equal(state.mail[0, 0], state.mail[2, 0])
    assert torch.equal(state.memory[0], before.memory[0])
    assert not torch.equal(state.memory[1], before.memory[1])


def test_heads_must_divide_the_memory() -> None:
    with pytest.raises(ValueError, match="memory_dim of 7 cannot be split over 2 heads"):
        APAN(DATASET.stream.msg, memory_dim=7)
