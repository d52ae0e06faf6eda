"""Objectives of classification against their formulas."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, EventBatch, LabelKind
from benchmark.graph.past import Visibility
from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import NodeAnswers
from benchmark.models.roots import EventRows
from benchmark.training.batch import BatchBuilder, TrainingBatch
from benchmark.training.objectives import (
    EdgeClassLoss,
    LinkAndNodeLoss,
    Objective,
    embedding_dim,
    labelled_loss,
    several_classes,
)
from tests.disttgl.small import PROTOCOL
from tests.models.closeness import assert_close, assert_gradients_close
from tests.models.plain import PlainTGN
from tests.models.streams import random_dataset, random_state, sampler_of, small_model

NUM_CLASSES = 3
LOCAL = range(20, 26)


def labelled(kind: LabelKind) -> Dataset:
    dataset = random_dataset(seed=2, num_events=40)
    classes = torch.randint(NUM_CLASSES, (40,), generator=torch.Generator().manual_seed(0))
    several = kind is LabelKind.MULTI_EDGE
    dataset.stream.y = torch.eye(NUM_CLASSES)[classes] if several else classes
    return replace(dataset, label_kind=kind, num_classes=NUM_CLASSES)


def build(objective: Objective, dataset: Dataset) -> tuple[TrainingBatch, NodeState, PlainTGN]:
    """A batch of ``LOCAL``, the state of its nodes, and the plain model in the state of all."""
    state = random_state(dataset, objective.model)
    num_negatives = 2 if objective.uses_negatives else 0
    sampler, negatives = sampler_of(dataset, objective.model), PROTOCOL.negatives(dataset)
    builder = BatchBuilder(dataset, sampler, negatives, num_negatives, 0, torch.device("cpu"))
    batch = builder.build(LOCAL, LOCAL, trainer=3, iteration=4)
    plain = PlainTGN(objective.model, dataset, Visibility.EVENT, state)
    return batch, state.rows(batch.subgraph.nodes), plain


def embeddings(plain: PlainTGN, events: EventBatch, nodes: Tensor) -> Tensor:
    pairs = zip(nodes.tolist(), events.t.tolist(), strict=True)
    return torch.stack([plain.embedding(node, time, events.start) for node, time in pairs])


def answered(objective: EdgeClassLoss, source: Tensor, destination: Tensor) -> Tensor:
    """The logits of events with ends of these embeddings [num_events, dim]."""
    nobody = source.new_empty(len(source), 0, source.shape[1])
    ends = EventRows(source, destination, nobody)
    return objective.logits(NodeAnswers(objective.model, ends))


@pytest.mark.parametrize("kind", [LabelKind.EDGE, LabelKind.MULTI_EDGE])
def test_edge_classes(kind: LabelKind) -> None:
    dataset = labelled(kind)
    objective = EdgeClassLoss(small_model(dataset), dataset).double()
    batch, state, plain = build(objective, dataset)
    assert batch.subgraph.num_roots == 2 * len(LOCAL)
    loss, _ = objective(batch, state)

    events = dataset.batch(LOCAL.start, LOCAL.stop)
    ends = [embeddings(plain, events, nodes) for nodes in (events.src, events.dst)]
    weight, bias = objective.decoder.output.weight, objective.decoder.output.bias
    logits = torch.cat(ends, dim=1) @ weight.T + bias
    labels = dataset.stream.y[LOCAL.start : LOCAL.stop]
    if kind is LabelKind.EDGE:
        terms = [row.logsumexp(0) - row[label] for row, label in zip(logits, labels, strict=True)]
    else:
        terms = [
            -(label * F.logsigmoid(row) + (1 - label) * F.logsigmoid(-row)).mean()
            for row, label in zip(logits, labels.double(), strict=True)
        ]
    expected = torch.stack(terms).mean()
    assert_close(loss, expected)
    assert_gradients_close(objective, loss, expected)


@pytest.mark.parametrize("kind", [LabelKind.EDGE, LabelKind.MULTI_EDGE])
def test_edges_without_a_label_add_nothing(kind: LabelKind) -> None:
    """The loss and every gradient are those of the labelled events alone."""
    dataset = labelled(kind)
    dataset.stream.y[[LOCAL[1], LOCAL[4]]] = UNLABELLED
    objective = EdgeClassLoss(small_model(dataset), dataset).double()
    batch, state, plain = build(objective, dataset)
    loss, _ = objective(batch, state)
    events = dataset.batch(LOCAL.start, LOCAL.stop)
    ends = [embeddings(plain, events, nodes) for nodes in (events.src, events.dst)]
    logits = answered(objective, *ends)[[0, 2, 3, 5]]
    labels = dataset.stream.y[LOCAL.start : LOCAL.stop][[0, 2, 3, 5]]
    expected = (
        F.cross_entropy(logits, labels)
        if kind is LabelKind.EDGE
        else F.binary_cross_entropy_with_logits(logits, labels.double())
    )
    assert_close(loss, expected)
    assert_gradients_close(objective, loss, expected)


@pytest.mark.parametrize("kind", [LabelKind.EDGE, LabelKind.MULTI_EDGE])
@pytest.mark.parametrize("unlabelled", [[], [0, 1, 2], [0, 1, 3, 5], range(6)])
def test_trainers_with_unequally_many_labels_add_up(
    kind: LabelKind, unlabelled: Sequence[int]
) -> None:
    """The mean over two trainers is that over the labelled events of their global batch."""
    dataset = labelled(kind)
    dataset.stream.y[[LOCAL[place] for place in unlabelled]] = UNLABELLED
    loss = several_classes if kind is LabelKind.MULTI_EDGE else F.cross_entropy
    logits = torch.randn(6, NUM_CLASSES, generator=torch.Generator().manual_seed(1)).double()
    sampler = sampler_of(dataset, small_model(dataset))
    builder = BatchBuilder(dataset, sampler, PROTOCOL.negatives(dataset), 0, 0, torch.device("cpu"))
    parts = [
        labelled_loss(loss, logits[place : place + 3], dataset.stream.y, batch)
        for place in (0, 3)
        for batch in [builder.build(range(20 + place, 23 + place), LOCAL, place // 3, 0)]
    ]
    kept = [place for place in range(6) if place not in unlabelled]
    whole = loss(logits[kept], dataset.stream.y[20:26][kept]) if kept else torch.zeros(())
    assert_close(torch.stack(parts).mean(), whole.double())


def test_links_and_node_classes() -> None:
    dataset = labelled(LabelKind.NODE)
    dataset.stream.y[LOCAL[2]] = UNLABELLED
    objective = LinkAndNodeLoss(small_model(dataset), dataset).double()
    batch, state, plain = build(objective, dataset)
    loss, _ = objective(batch, state)

    events = dataset.batch(LOCAL.start, LOCAL.stop)
    negatives = PROTOCOL.negatives(dataset).training(events, 2, 0, 3, 4, "negatives")
    source = embeddings(plain, events, events.src)
    decoder = objective.decoder
    hidden = (source @ decoder.hidden.weight.T + decoder.hidden.bias).clamp(min=0)
    logits = hidden @ decoder.output.weight.T + decoder.output.bias
    labels = dataset.stream.y[LOCAL.start : LOCAL.stop]
    classes = [
        row.logsumexp(0) - row[label]
        for row, label in zip(logits, labels, strict=True)
        if label != UNLABELLED
    ]
    assert len(classes) == len(LOCAL) - 1
    expected = plain.loss(events, negatives) + torch.stack(classes).mean()
    assert_close(loss, expected)
    assert_gradients_close(objective, loss, expected)


@pytest.mark.parametrize("objective", [EdgeClassLoss, LinkAndNodeLoss])
@pytest.mark.parametrize("with_batch", [True, False])
def test_every_parameter_has_a_gradient(objective: type[Objective], with_batch: bool) -> None:
    """Zeros without a batch; links are not scored where only classes are learned."""
    dataset = labelled(LabelKind.EDGE)
    built = objective(small_model(dataset), dataset).double()
    batch, state, _ = build(built, dataset)
    loss, _ = built(batch if with_batch else None, state)
    loss.backward()
    for name, parameter in built.named_parameters():
        assert parameter.grad is not None, name
        unused = objective is EdgeClassLoss and "link_decoder" in name
        if not with_batch or unused:
            assert not parameter.grad.any(), name


def test_the_width_of_embeddings_is_measured() -> None:
    dataset = random_dataset()
    assert embedding_dim(small_model(dataset)) == 8
    assert embedding_dim(small_model(dataset, embedding_dim=12)) == 12
