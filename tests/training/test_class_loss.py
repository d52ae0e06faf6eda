"""Objectives of classification against their formulas."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, EventBatch, LabelKind
from benchmark.graph.visibility import Visibility
from benchmark.models.node_state import NodeState
from benchmark.protocol.negatives import Pool, training_negatives
from benchmark.training.batch import BatchBuilder, TrainingBatch
from benchmark.training.objectives import EdgeClassLoss, LinkAndNodeLoss, Objective, embedding_dim
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
    sampler, pool = sampler_of(dataset, objective.model), Pool(torch.arange(dataset.num_nodes))
    builder = BatchBuilder(dataset, sampler, pool, num_negatives, 0, torch.device("cpu"))
    batch = builder.build(LOCAL, LOCAL, trainer=3, iteration=4)
    plain = PlainTGN(objective.model, dataset, Visibility.EVENT, state)
    return batch, state.rows(batch.subgraph.nodes), plain


def embeddings(plain: PlainTGN, events: EventBatch, nodes: Tensor) -> Tensor:
    pairs = zip(nodes.tolist(), events.t.tolist(), strict=True)
    return torch.stack([plain.embedding(node, time, events.start) for node, time in pairs])


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


def test_links_and_node_classes() -> None:
    dataset = labelled(LabelKind.NODE)
    dataset.stream.y[LOCAL[2]] = UNLABELLED
    objective = LinkAndNodeLoss(small_model(dataset), dataset).double()
    batch, state, plain = build(objective, dataset)
    loss, _ = objective(batch, state)

    events = dataset.batch(LOCAL.start, LOCAL.stop)
    pool = Pool(torch.arange(dataset.num_nodes))
    negatives = training_negatives(pool, events.dst, 2, 0, 3, 4, "negatives")
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
