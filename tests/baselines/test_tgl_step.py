"""One step of TGL on a toy stream against a plain computation, one node and one link at a time."""

import pytest
import torch
from torch import Tensor

from benchmark.baselines.tgl import TGLSystem
from benchmark.models.tgn_attention import TGNAttention
from benchmark.randomness import seeded
from tests.baselines.tgl_toy import tgl_system
from tests.disttgl.small import BATCH_SIZE, MODEL, PROTOCOL, TRAINING, small_dataset
from tests.models.closeness import assert_close
from tests.models.plain import PlainTGN

NO_DROPOUT = {"dropout": 0.0, "attention_dropout": 0.0}
NUM_TRAINERS = 2


def plain_loss(plain: PlainTGN, iteration: int) -> Tensor:
    """The mean over trainers of TGL's loss, from one score after the other."""
    dataset = plain.dataset
    sampler = PROTOCOL.negatives(dataset)
    losses = []
    for trainer in range(NUM_TRAINERS):
        first = (iteration * NUM_TRAINERS + trainer) * BATCH_SIZE
        events = dataset.batch(first, first + BATCH_SIZE)
        key = (trainer, iteration, "negatives")
        negatives = sampler.training(events, 1, TRAINING.seed, *key)
        total = torch.zeros((), dtype=torch.float64)
        for src, dst, time, other in zip(
            events.src.tolist(), events.dst.tolist(), events.t.tolist(), negatives, strict=True
        ):
            source, true, negative = (
                plain.embedding(node, time, first) for node in (src, dst, int(other))
            )
            true_score = plain.link_score(source, true)
            negative_score = plain.link_score(source, negative)
            total = total - torch.sigmoid(true_score).log()
            total = total - torch.sigmoid(-negative_score).log()
        losses.append(total / BATCH_SIZE)
    return torch.stack(losses).mean()


def adam(parameter: Tensor, gradients: list[Tensor]) -> Tensor:
    """``parameter`` after steps of Adam (Kingma and Ba, 2015), one for each of ``gradients``."""
    first = second = torch.zeros_like(parameter)
    for step, gradient in enumerate(gradients, start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        mean, scale = first / (1 - 0.9**step), second / (1 - 0.999**step)
        parameter = parameter - TRAINING.learning_rate * mean / (scale.sqrt() + 1e-8)
    return parameter


@pytest.fixture(scope="module")
def systems() -> tuple[TGLSystem, PlainTGN]:
    """The same weights and stream twice."""
    dataset = small_dataset()
    with seeded(TRAINING.device, TRAINING.seed, "weights"):
        model = TGNAttention(dataset.stream.msg, **(MODEL | NO_DROPOUT))  # type: ignore[arg-type]
    system = tgl_system(f"{NUM_TRAINERS}x1x1", dataset=dataset, model=NO_DROPOUT)
    plain = PlainTGN(model.double(), dataset, PROTOCOL.visibility, system.memory.snapshot())
    return system, plain


def test_two_steps_leave_the_loss_weights_and_memory_of_the_plain_computation(
    systems: tuple[TGLSystem, PlainTGN],
) -> None:
    """Two, because the first one reads an empty memory."""
    system, plain = systems
    names = list(plain.parameters)
    start = {name: plain.parameters[name].detach().clone() for name in names}
    gradients: dict[str, list[Tensor]] = {name: [] for name in names}
    steps = system.train_round()
    for iteration in range(2):
        step = next(steps)
        assert step.num_events == NUM_TRAINERS * BATCH_SIZE
        expected = plain_loss(plain, iteration)
        assert_close(step.loss, expected.detach())
        found = torch.autograd.grad(expected, [plain.parameters[name] for name in names])
        first = iteration * NUM_TRAINERS * BATCH_SIZE
        # The whole global batch sees the memory before it and the weights before the step.
        plain.observe(plain.dataset.batch(first, first + NUM_TRAINERS * BATCH_SIZE))
        for name, gradient in zip(names, found, strict=True):
            gradients[name].append(gradient)
            with torch.no_grad():
                plain.parameters[name].copy_(adam(start[name], gradients[name]))
        for name, parameter in system.model.named_parameters():
            assert_close(parameter.detach(), plain.parameters[name].detach(), 1.0, name)
        for field, values in zip(system.memory.snapshot(), plain.state, strict=True):
            if values.is_floating_point():
                assert_close(field, values)
            else:
                assert torch.equal(field, values)
    assert plain.state.memory.abs().sum() > 1


def test_scores_after_training_are_those_of_the_plain_model() -> None:
    dataset = small_dataset()
    system = tgl_system(dataset=dataset)
    for _ in system.train_round():
        pass
    plain = PlainTGN(system.model, dataset, PROTOCOL.visibility, system.memory.snapshot())
    events = dataset.batch(dataset.split.train_end, dataset.split.train_end + 6)
    candidates = torch.arange(24).view(6, 4)
    assert_close(system.score(events, candidates), plain.scores(events, candidates).detach())
