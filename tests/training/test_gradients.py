"""Sums of gradients: the order of additions, and that a process's own additions fit into it."""

import pytest
import torch
from torch import Tensor

from benchmark.models.node_state import NodeState
from benchmark.training.gradients import GRADIENT_SUMS, ordered_sum
from benchmark.training.objectives import SoftmaxLinkLoss
from benchmark.training.processes import Processes
from tests.disttgl.small import small_system
from tests.models.closeness import assert_close
from tests.thread_processes import on_threads

BIG = 2.0**53  # BIG + 1 is BIG in float64


def sums_of(rows: Tensor, world_size: int) -> list[Tensor]:
    """What every process gets, each with an equal block of the rows."""

    def work(processes: Processes) -> Tensor:
        return ordered_sum(rows.chunk(world_size)[processes.rank], processes.gather)

    return on_threads(world_size, work)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], 3.0),
        ([1.0, BIG], BIG),
        ([BIG, 1.0, 1.0, 0.0], BIG),  # (BIG + 1) + (1 + 0)
        ([1.0, 1.0, BIG, 0.0], BIG + 2),  # (1 + 1) + (BIG + 0)
        ([1.0, BIG, 1.0], BIG),  # (1 + BIG) + 1
        ([BIG, 0.0, 0.0, 0.0, 1.0, 1.0], BIG + 2),  # ((BIG + 0) + (0 + 0)) + (1 + 1)
        ([0.0, 1.0, BIG, 0.0, 1.0, 0.0], BIG),  # ((0 + 1) + (BIG + 0)) + (1 + 0)
        ([1.0, 0.0, 0.0, 1.0, BIG, 0.0, -BIG, 0.0], 2.0),
    ],
)
def test_neighbours_are_added_first(values: list[float], expected: float) -> None:
    for world_size in range(1, len(values) + 1):
        if len(values) % world_size == 0:
            for total in sums_of(column(*values), world_size):
                assert total.tolist() == [expected], world_size


@pytest.mark.parametrize("num_rows", [1, 2, 3, 4, 6, 8, 9, 12, 15, 16, 20, 24])
def test_the_bits_do_not_depend_on_the_number_of_processes(num_rows: int) -> None:
    rows = torch.randn(num_rows, 50, generator=torch.Generator().manual_seed(num_rows)).exp()
    (alone,) = sums_of(rows, 1)
    assert_close(alone, rows.sum(0))
    for world_size in range(2, num_rows + 1):
        if num_rows % world_size == 0:
            for total in sums_of(rows, world_size):
                assert torch.equal(total, alone), world_size


@pytest.mark.parametrize("name", GRADIENT_SUMS)
def test_without_events_loss_and_gradients_are_zero(name: str) -> None:
    model = small_system().model
    nobody = NodeState.empty(1, model.memory_dim, model.mail_dim, torch.float64)
    gradients = GRADIENT_SUMS[name](SoftmaxLinkLoss(model), nobody, 3, Processes())
    for trainer in (2, 0, 1):
        gradients.backward(trainer, gradients.forward(None, nobody, trainer == 1)[0])
    assert gradients.finish().item() == 0
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert not parameter.grad.any()


def test_ordered_and_overlapped_sums_are_close() -> None:
    """Three trainers, so that the orders differ; five iterations, in which little is amplified."""
    losses = []
    for name in GRADIENT_SUMS:
        steps = small_system("1x3x1", gradient_sum=name).train_round()
        losses.append(torch.stack([next(steps).loss for _ in range(5)]))
    assert_close(losses[0], losses[1])


def test_one_trainer_has_nothing_to_sum() -> None:
    losses = [
        [step.loss.item() for step in small_system(gradient_sum=name).train_round()]
        for name in GRADIENT_SUMS
    ]
    assert losses[0] == losses[1]
