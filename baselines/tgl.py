"""TGL as a system of this suite: mini-batch parallelism over one synchronous node memory.

What it does is what TGL (VLDB'22, arXiv 2203.14883) describes for several GPUs: the trainers share
a chronological global batch, all read node memory and mails from host memory, train, and write
before anyone reads again. docs/systems.md says where this and DistTGL, the paper and the released
code agree and where not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from benchmark.baselines.tgl_memory import HostMemory
from benchmark.baselines.tgl_schedule import ChunkSchedule
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.training.batch import TrainingBatch
from benchmark.training.model_options import ModelOptions
from benchmark.training.model_system import ModelSystem
from benchmark.training.system import Job, Step


@dataclass(frozen=True)
class TGLOptions(ModelOptions):
    """Described in conf/system/tgl.yaml; NegLinkSampler draws one negative for every event."""

    num_chunks: int = 1


class TGLSystem(ModelSystem):
    """TGL (VLDB'22): one node memory in host memory, which all trainers wait for.

    A round is one epoch. ``seconds_by_part`` tells "prepare" (negatives, sampling), "memory_read",
    "compute" (forward, backward and the exchange of gradients), the optimiser's "step" and
    "memory_write" (with waiting for other processes).
    """

    options = TGLOptions

    @classmethod
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """Also refuses all but mini-batch parallelism."""
        super().check(parallelism, num_processes, options)
        if parallelism.j > 1 or parallelism.k > 1:
            raise ValueError(
                "system tgl knows mini-batch parallelism only and needs parallelism.j=1 and "
                f"parallelism.k=1, not {parallelism}; choose system=disttgl for the other two."
            )

    @classmethod
    def check_machines(
        cls, parallelism: Parallelism, machines: int, options: Mapping[str, Any]
    ) -> None:
        """Refuse more than one machine."""
        raise ValueError(
            "system=tgl keeps one node memory in the memory of one machine; choose system=disttgl "
            f"to train on {machines}."
        )

    def __init__(self, job: Job, **options: Any) -> None:
        chosen, training = TGLOptions(**options), job.training
        parallelism = training.parallelism
        self.check(parallelism, job.processes.world_size, options)
        self.schedule = ChunkSchedule(
            job.dataset.split.train_end,
            training.batch_size,
            parallelism.num_trainers,
            chosen.num_chunks,
            training.seed,
        )
        self.num_rounds = training.epochs
        self.iterations_per_round = self.schedule.iterations_per_round
        super().__init__(job, chosen)
        self.memory = HostMemory(self.empty, job.processes)

    def train(self, iterations: range) -> Iterator[Step]:
        """One epoch of the training events."""
        self.memory.reset()
        batches = self.schedule.global_batches(iterations.start // len(iterations))
        for iteration, events in zip(iterations, batches, strict=True):
            yield self._train(events, iteration)

    def snapshot(self) -> NodeState:
        """A copy of the node memory."""
        return self.memory.snapshot()

    def _train(self, global_batch: range, iteration: int) -> Step:
        """One step of the optimiser; without events nothing happens."""
        if not global_batch:
            return Step(torch.zeros((), device=self.job.training.device), 0)
        self.learner.start()
        written = []
        num_events = 0
        for trainer in self.job.trainers:
            batch, state = self._read(global_batch, trainer, iteration)
            last = trainer == self.job.trainers[-1]
            loss, memory = self.learner.forward(batch, state, (trainer, iteration), last)
            self.learner.backward(trainer, loss)
            if batch is not None:
                written.append((batch.write, state, memory))
                num_events += batch.num_events
        # No process gets past this before all have read what is written below.
        mean_loss = self.learner.step()
        with self.stopwatch("memory_write"):
            for write, state, memory in written:
                self.memory.write(write.nodes, write.new_state(self.model, state, memory))
            self.job.processes.barrier()
        return Step(mean_loss, num_events)

    def _read(
        self, global_batch: range, trainer: int, iteration: int
    ) -> tuple[TrainingBatch | None, NodeState]:
        """The batch of a trainer, if it has events, and the state of the batch's nodes."""
        events = self.schedule.local_events(global_batch, trainer)
        if not events:
            return None, self.learner.nobody
        with self.stopwatch("prepare"):
            batch = self.builder.build(events, global_batch, trainer, iteration)
        with self.stopwatch("memory_read"):
            return batch, self.memory.read(batch.subgraph.nodes)
