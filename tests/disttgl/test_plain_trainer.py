"""1x1x1 through the machinery of i x j x k against the plain loop."""

from functools import partial

import pytest
import torch

from benchmark.graph.past import Visibility
from benchmark.models.node_state import NodeState
from benchmark.models.tgn_attention import TGNAttention
from benchmark.randomness import seeded
from tests.disttgl.plain_trainer import CPU, PlainTrainer
from tests.disttgl.small import BATCH_SIZE, MODEL, PROTOCOL, TRAINING, small_dataset, small_system
from tests.models.closeness import assert_close
from tests.models.plain import PlainTGN


@pytest.mark.parametrize(
    ("visibility", "edge_dim", "precision"),
    [
        (Visibility.EVENT, 3, "float32"),
        (Visibility.BATCH, 0, "float32"),
        (Visibility.EVENT, 0, "float64"),
    ],
)
def test_one_trainer_equals_the_plain_loop_bit_for_bit(
    visibility: Visibility, edge_dim: int, precision: str
) -> None:
    """Losses, weights and memory over three epochs, with dropout."""
    dataset = small_dataset(edge_dim)
    protocol = partial(type(PROTOCOL), **(vars(PROTOCOL) | {"visibility": visibility}))()
    system = small_system(dataset=dataset, protocol=protocol, precision=precision)
    with seeded(CPU, TRAINING.seed, "weights"):
        model = TGNAttention(dataset.stream.msg, **MODEL)  # type: ignore[arg-type]
    plain = PlainTrainer(
        model.to(getattr(torch, precision)),
        dataset,
        protocol,
        BATCH_SIZE,
        TRAINING.learning_rate,
        TRAINING.seed,
    )
    for _ in range(3):
        expected = plain.train_pass()
        assert [step.loss.item() for step in system.train_round()] == expected
        for mine, other in zip(system.model.parameters(), model.parameters(), strict=True):
            assert torch.equal(mine, other)
        for field, expected_field in zip(system.evaluation.state, plain.state, strict=True):
            assert torch.equal(field, expected_field)


def test_one_trainer_equals_the_plain_model_along_the_stream() -> None:
    """Nothing shared but the initial weights: keys and values, memory and neighbours one by one."""
    dataset = small_dataset()
    system = small_system(dataset=dataset, model={"dropout": 0.0, "attention_dropout": 0.0})
    with seeded(CPU, TRAINING.seed, "weights"):
        model = TGNAttention(dataset.stream.msg, **MODEL).double()  # type: ignore[arg-type]
    empty = NodeState.empty(dataset.num_nodes, model.memory_dim, model.mail_dim, torch.float64)
    plain = PlainTGN(model, dataset, Visibility.EVENT, empty)
    optimizer = torch.optim.Adam(model.parameters(), lr=TRAINING.learning_rate)
    sampler = PROTOCOL.negatives(dataset)
    for iteration, step in enumerate(system.train_round()):
        start = iteration * BATCH_SIZE
        events = dataset.batch(start, min(start + BATCH_SIZE, dataset.split.train_end))
        key = (0, iteration, "negatives")
        loss = plain.loss(events, sampler.training(events, 1, TRAINING.seed, *key))
        optimizer.zero_grad()
        loss.backward()
        plain.observe(events)
        optimizer.step()
        assert_close(step.loss, loss.detach())
    for mine, other in zip(system.model.parameters(), model.parameters(), strict=True):
        assert_close(mine, other, scale=1.0)
