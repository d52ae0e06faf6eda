"""The walk of logical trainers through the schedule."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.disttgl.memory.backend import Turn
from benchmark.disttgl.memory.replica import ReplicaMemory
from benchmark.disttgl.system import DistTGLSystem
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.randomness import key_to_seed
from benchmark.training.objectives import SoftmaxLinkLoss
from benchmark.training.processes import Processes
from tests.disttgl.small import TRAINING, small_system
from tests.models.closeness import assert_close

NO_DROPOUT = {"dropout": 0.0, "attention_dropout": 0.0}


class Recorder(ReplicaMemory):
    """Replicated memory that notes every call but the requests, which come from a thread."""

    calls: list[tuple[str, Any]]

    def _note(self, name: str, value: Any = None) -> None:
        self.__dict__.setdefault("calls", []).append((name, value))

    def reset(self, copy: int) -> None:
        self._note("reset", copy)
        super().reset(copy)

    def exchange(self) -> None:
        self._note("exchange")

    def receive(self, turn: Turn) -> list[NodeState]:
        self._note("receive", turn.trainer)
        return super().receive(turn)

    def write(self, turn: Turn, nodes: Tensor, rows: NodeState) -> None:
        self._note("write", turn.trainer)
        super().write(turn, nodes, rows)

    def publish(self, turns: Sequence[Turn]) -> None:
        self._note("publish", [turn.trainer for turn in turns])
        super().publish(turns)

    def commit(self) -> None:
        self._note("commit")
        super().commit()


def recorded(parallelism: str) -> tuple[DistTGLSystem, Recorder]:
    system = small_system(parallelism)
    empty = NodeState(*(field.clone() for field in system.memory.release(0)))
    memory = Recorder(empty, 20, Parallelism.parse(parallelism), Processes())
    system.memory = system.trainers.memory = memory
    return system, memory


def test_the_order_of_calls_of_one_trainer() -> None:
    system, memory = recorded("1x1x1")
    for _ in system.train_round():
        pass
    ends = [("write", 0), ("publish", [0]), ("commit", None)]
    first = [("reset", 0), ("exchange", None), *ends]
    later = [("exchange", None), ("receive", 0), *ends]
    assert memory.calls == first + later * (system.iterations_per_round - 1)


@pytest.mark.parametrize("parallelism", ["2x2x1", "2x1x1", "1x3x1", "1x2x3", "2x2x2"])
def test_the_calls_are_those_of_the_schedule(parallelism: str) -> None:
    """Resets and reads before writes, each as scheduled, one publication and one commit."""
    system, memory = recorded(parallelism)
    for _ in range(2):
        for _ in system.train_round():
            pass
    trainers = range(system.schedule.parallelism.num_trainers)
    expected: list[tuple[str, Any]] = []
    for iteration in range(2 * system.iterations_per_round):
        now = {trainer: system.schedule.assignment(trainer, iteration) for trainer in trainers}
        busy = [trainer for trainer in trainers if now[trainer].events]
        expected += [("reset", copy) for copy in sorted({a.copy for a in now.values() if a.reset})]
        expected += [("exchange", None)]
        expected += [("receive", t) for t in busy if now[t].reads and not now[t].reset]
        writers = [trainer for trainer in busy if now[trainer].writes]
        expected += [("write", t) for t in writers] + [("publish", writers), ("commit", None)]
    assert memory.calls == expected


def test_every_trainer_draws_negatives_of_its_own_in_every_iteration() -> None:
    system = small_system("1x2x2")
    drawn = {}
    build = system.trainers.builder.build

    def noting(local: range, whole: range, trainer: int, iteration: int) -> Any:
        batch = build(local, whole, trainer, iteration)
        rows = batch.subgraph.roots[2 * batch.num_events :]
        drawn[trainer, iteration] = (local, tuple(batch.subgraph.nodes[rows].tolist()))
        return batch

    system.trainers.builder.build = noting  # type: ignore[method-assign]
    for _ in system.train_round():
        pass
    assert set(drawn) >= {(t, n) for t in range(4) for n in range(system.iterations_per_round)}
    for trainer in range(4):
        for iteration in range(system.iterations_per_round):
            assert drawn[trainer, iteration][0] == (
                system.schedule.assignment(trainer, iteration).events
            )
    assert len({negatives for _, negatives in drawn.values()}) == len(drawn)


def test_every_trainer_has_dropout_of_its_own_in_every_iteration() -> None:
    system = small_system("1x2x2")
    loss = system.objective
    found = []
    loss.register_forward_pre_hook(lambda *_: found.append(torch.initial_seed()))
    for _ in system.train_round():
        pass
    expected = {
        key_to_seed(TRAINING.seed, "dropout", trainer, iteration)
        for trainer in range(4)
        for iteration in range(system.iterations_per_round)
    }
    assert len(found) == len(expected)
    assert set(found) == expected


@pytest.mark.parametrize("parallelism", ["2x1x1", "1x2x1", "1x1x2", "4x1x1"])
def test_gradients_are_those_of_the_mean_loss_over_trainers(parallelism: str) -> None:
    """Computed once more from the same batches, all trainers in one backward pass."""
    system = small_system(parallelism, model=NO_DROPOUT)
    schedule, builder = system.schedule, system.trainers.builder
    trainers = range(schedule.parallelism.num_trainers)
    model = system.model
    empty = system.learner.nobody
    losses = []
    for trainer in trainers:
        assignment = schedule.assignment(trainer, 0)
        whole = schedule.global_events(assignment.batch)
        batch = builder.build(assignment.events, whole, trainer, 0)
        rows = torch.zeros(batch.subgraph.nodes.numel(), dtype=torch.int64)
        losses.append(SoftmaxLinkLoss(model)(batch, empty.rows(rows))[0])
    mean = torch.stack(losses).mean()
    names, parameters = zip(*model.named_parameters(), strict=True)
    expected = torch.autograd.grad(mean, parameters)
    step = next(iter(system.train_round()))
    assert_close(step.loss, mean.detach())
    for name, parameter, gradient in zip(names, parameters, expected, strict=True):
        assert parameter.grad is not None, name
        assert_close(parameter.grad, gradient, scale=1e-2, name=name)


def test_what_the_background_thread_raises_ends_training() -> None:
    system = small_system()

    def fail(*_: Any) -> Any:
        raise RuntimeError("no batch today")

    steps = system.train_round()
    next(steps)
    system.trainers.builder.build = fail  # type: ignore[assignment, method-assign]
    with pytest.raises(RuntimeError, match="no batch today"):
        for _ in steps:
            pass


def test_a_missing_input_is_an_error_and_not_an_empty_batch() -> None:
    system = small_system("1x2x2")
    for _ in system.train_round():
        pass
    state = system.state_dict()
    state["trainers"]["inputs"] = {}
    system.load_state_dict(state)
    with pytest.raises(KeyError):
        for _ in system.train_round():
            pass


def test_trainers_with_empty_batches_leave_the_weights_alone() -> None:
    """The last global batch of 8x1x1 gives three of the eight members fewer events or none."""
    system = small_system("8x1x1")
    events = [len(system.schedule.assignment(trainer, 1).events) for trainer in range(8)]
    assert events == [10, 10, 10, 10, 10, 5, 0, 0]
    steps = list(system.train_round())
    assert [step.num_events for step in steps] == [80, 55]
    # Each counts an eighth, so that six losses near log 2 add up to about three quarters of it.
    assert float(steps[1].loss) == pytest.approx(0.75 * 0.7, abs=0.1)
