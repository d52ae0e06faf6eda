"""The loss against its formula, and the loss of nobody."""

import pytest
import torch

from benchmark.graph.past import Visibility
from benchmark.training.batch import BatchBuilder
from benchmark.training.objectives import SoftmaxLinkLoss
from tests.disttgl.small import PROTOCOL
from tests.models.closeness import assert_close, assert_gradients_close
from tests.models.plain import PlainTGN
from tests.models.streams import random_dataset, random_state, sampler_of, small_model


@pytest.mark.parametrize("num_negatives", [1, 3])
@pytest.mark.parametrize("size", [1, 6])
def test_loss_and_gradients_equal_the_plain_ones(num_negatives: int, size: int) -> None:
    dataset = random_dataset(seed=2, num_events=40)
    model = small_model(dataset)
    state = random_state(dataset, model)
    sampler = PROTOCOL.negatives(dataset)
    builder = BatchBuilder(
        dataset, sampler_of(dataset, model), sampler, num_negatives, 0, torch.device("cpu")
    )
    local = range(20, 20 + size)
    batch = builder.build(local, local, trainer=3, iteration=4)
    loss, memory = SoftmaxLinkLoss(model)(batch, state.rows(batch.subgraph.nodes))

    events = dataset.batch(local.start, local.stop)
    negatives = sampler.training(events, num_negatives, 0, 3, 4, "negatives")
    plain = PlainTGN(model, dataset, Visibility.EVENT, state)
    expected = plain.loss(events, negatives)
    assert loss.shape == ()
    assert_close(loss, expected)
    assert_gradients_close(model, loss, expected)
    assert_close(memory, torch.stack([plain.memory(int(n)) for n in batch.subgraph.nodes]))


def test_without_a_batch_loss_and_every_gradient_are_zero() -> None:
    dataset = random_dataset()
    model = small_model(dataset)
    loss, _ = SoftmaxLinkLoss(model)(None, random_state(dataset, model).rows(torch.tensor([0])))
    loss.backward()
    assert loss.item() == 0
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.grad.any(), name
