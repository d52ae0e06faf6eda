"""The logical trainers that one process hosts, walking through the schedule together."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmark.disttgl.memory.backend import NodeMemory, Turn
from benchmark.disttgl.schedule import Assignment, Schedule
from benchmark.machine.device import to_device
from benchmark.models.node_state import NodeState
from benchmark.training.batch import BatchBuilder, TrainingBatch
from benchmark.training.learner import Learner
from benchmark.training.system import Step

Use = tuple[int, int]  # a logical trainer and the iteration in which it trains


class Reading(NamedTuple):
    """What a trainer reads at its turn: the batches that will be trained on, by their use."""

    turn: Turn
    fresh: bool  # the copy starts over in this iteration, so that its rows are empty
    batches: dict[Use, TrainingBatch]


class LogicalTrainers:
    """The ``trainers`` (numbers) of one process; together all processes train the n of them.

    Beside what ``learner`` does, its stopwatch tells waiting for batches ("prepare") and node
    memory ("memory_read" and "memory_write", both with waiting for other processes).
    """

    def __init__(
        self,
        learner: Learner,
        builder: BatchBuilder,
        schedule: Schedule,
        memory: NodeMemory,
        trainers: range,
    ) -> None:
        self.learner = learner
        self.builder = builder
        self.schedule = schedule
        self.memory = memory
        self.trainers = trainers
        self.stopwatch = learner.stopwatch
        self.num_trainers = schedule.parallelism.num_trainers
        self.inputs: dict[Use, tuple[TrainingBatch, NodeState]] = {}

    def run(self, iterations: range) -> Iterator[Step]:
        """Train ``iterations``; while one computes, a thread prepares the next one's batches."""
        self.memory.start(self.schedule, iterations.start)
        with ThreadPoolExecutor(1, initializer=self._begin_thread) as background:
            upcoming = background.submit(self._prepare, iterations.start)
            for iteration in iterations:
                with self.stopwatch("prepare"):
                    readings = upcoming.result()
                with self.stopwatch("memory_read"):
                    self._read(iteration, readings)
                if iteration + 1 < iterations.stop:
                    upcoming = background.submit(self._prepare, iteration + 1)
                yield self._train(iteration)

    def _begin_thread(self) -> None:
        """One torch thread: a second team would wait, spinning, on the cores that compute."""
        torch.set_num_threads(1)
        device = self.learner.nobody.memory.device
        if device.type == "cuda":
            torch.cuda.set_device(device)  # a thread begins with the first one of the machine

    def _prepare(self, iteration: int) -> list[Reading]:
        """Build and request what the trainers on turn in ``iteration`` will read."""
        readings = []
        for trainer in self.trainers:
            assignment = self.schedule.assignment(trainer, iteration)
            if not assignment.reads:
                continue
            turn = Turn(trainer, assignment.copy)
            uses = [(trainer, n) for n in self.schedule.uses(trainer, iteration)]
            batches = {use: self._build(assignment, use) for use in uses if assignment.events}
            if batches and not assignment.reset:
                on_host = self.memory.on_host
                self.memory.request(
                    turn, [b.read if on_host else b.subgraph.nodes for b in batches.values()]
                )
            readings.append(Reading(turn, assignment.reset, batches))
        return readings

    def _build(self, assignment: Assignment, use: Use) -> TrainingBatch:
        whole = self.schedule.global_events(assignment.batch)
        return self.builder.build(assignment.events, whole, *use)

    def _read(self, iteration: int, readings: list[Reading]) -> None:
        """Reset the copies that start over, then take in what was requested."""
        assignments = [self.schedule.assignment(t, iteration) for t in self.trainers]
        for copy in sorted({a.copy for a in assignments if a.reset}):
            self.memory.reset(copy)
        self.memory.exchange()
        for turn, fresh, batches in readings:
            if not batches:
                continue
            if fresh:
                counts = [batch.subgraph.nodes.numel() for batch in batches.values()]
                states = [self.learner.nobody.repeated(count) for count in counts]
            else:
                states = self.memory.receive(turn)
            for (use, batch), state in zip(batches.items(), states, strict=True):
                self.inputs[use] = (batch, state)
        self.memory.announce(
            {
                Turn(trainer, assignment.copy): self.inputs[trainer, iteration][
                    0
                ].write.nodes.numel()
                for trainer, assignment in zip(self.trainers, assignments, strict=True)
                if assignment.writes and assignment.events
            }
        )

    def _train(self, iteration: int) -> Step:
        """One forward and backward pass of every trainer, the writes, one step of the optimiser."""
        assignments = {t: self.schedule.assignment(t, iteration) for t in self.trainers}
        writers_first = sorted(self.trainers, key=lambda t: not assignments[t].writes)
        num_writers = sum(a.writes for a in assignments.values())
        self.learner.start()
        for place, trainer in enumerate(writers_first, start=1):
            last = place == len(writers_first)
            loss = self._forward(trainer, iteration, assignments[trainer], last)
            if place == max(num_writers, 1):
                with self.stopwatch("memory_write"):
                    self.memory.publish(self._all_writers(iteration))
            self.learner.backward(trainer, loss)
        mean_loss = self.learner.step()
        with self.stopwatch("memory_write"):
            self.memory.commit()
        return Step(mean_loss, sum(len(a.events) for a in assignments.values()))

    def _forward(self, trainer: int, iteration: int, assignment: Assignment, last: bool) -> Tensor:
        """The loss of one trainer; hands over what it writes as soon as the memory is updated."""
        batch, state = None, self.learner.nobody
        if assignment.events:
            batch, state = self.inputs.pop((trainer, iteration))
        loss, memory = self.learner.forward(batch, state, (trainer, iteration), last)
        if assignment.writes and batch is not None:
            turn = Turn(trainer, assignment.copy)
            with self.stopwatch("memory_write"):
                rows = batch.write.new_state(self.learner.model, state, memory)
                nodes = batch.written if self.memory.on_host else batch.write.nodes
                self.memory.write(turn, nodes, rows)
        return loss

    def _all_writers(self, iteration: int) -> list[Turn]:
        """The trainers of all processes that write in ``iteration``."""
        assignments = (self.schedule.assignment(t, iteration) for t in range(self.num_trainers))
        return [
            Turn(trainer, assignment.copy)
            for trainer, assignment in enumerate(assignments)
            if assignment.writes and assignment.events
        ]

    def state_dict(self) -> dict[str, Any]:
        """The inputs that trainers have read and not used yet, without what can be built again."""
        return {"inputs": {use: tuple(state) for use, (_, state) in self.inputs.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue with the inputs of ``state_dict``."""
        device = self.learner.nobody.memory.device
        self.inputs = {
            use: (
                self._build(self.schedule.assignment(*use), use),
                to_device(NodeState(*rows), device),
            )
            for use, rows in state["inputs"].items()
        }
