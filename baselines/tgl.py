"""TGL as a system of this suite: mini-batch parallelism over one synchronous node memory.

What it does is what TGL (VLDB'22, arXiv 2203.14883) describes for several GPUs: the trainers share
a chronological global batch, all read node memory and mails from host memory, train, and write
before anyone reads again. docs/systems.md says where this and DistTGL, the paper and the released
code agree and where not.
"""

import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.machine.device import to_device, to_host
from benchmark.machine.place import machine_identity
from benchmark.models.node_state import WORD, NodeState, RowLayout
from benchmark.parallelism import Parallelism
from benchmark.randomness import key_to_seed
from benchmark.training.batch import TrainingBatch
from benchmark.training.learner import ModelOptions
from benchmark.training.model_system import ModelSystem
from benchmark.training.processes import Processes
from benchmark.training.system import Job, Step


class HostMemory:
    """The node memory and mails of TGL (section 3.2), shared without any server.

    ``empty`` is the state of all nodes at the start and says on which device rows are wanted.
    Nothing here keeps a read and a write apart: between them the processes have to meet. The shared
    file has no name that could be left behind, and is gone with the last process that maps it.

    Raises:
        ValueError: If the system is not Linux or the processes are on several machines.
    """

    def __init__(self, empty: NodeState, processes: Processes) -> None:
        if not hasattr(os, "memfd_create"):
            raise ValueError("system=tgl shares memory as Linux does; choose system=disttgl.")
        self.device = empty.memory.device
        self.processes = processes
        layout = RowLayout(empty)
        shape = (empty.memory.shape[0], layout.num_words)
        content = _shared_by(processes, shape[0] * shape[1] * WORD.itemsize)
        self.state = layout.fields(torch.frombuffer(content, dtype=WORD).view(shape))
        self.reset()

    def read(self, nodes: Tensor) -> NodeState:
        """The rows of ``nodes``, which the host has."""
        return to_device(self.state.rows(nodes), self.device)

    def write(self, nodes: Tensor, rows: NodeState) -> None:
        """Overwrite the rows of the distinct ``nodes``, which the host has."""
        self.state.write(nodes, to_host(rows)())

    def reset(self) -> None:
        """Forget everything; a collective call."""
        self.processes.barrier()
        if self.processes.rank == 0:
            self.state.reset()
        self.processes.barrier()

    def snapshot(self) -> NodeState:
        """A copy of all rows on the host, which later writes do not change."""
        return self.state.map(lambda field: field.clone(memory_format=torch.contiguous_format))


def _shared_by(processes: Processes, size: int) -> mmap.mmap:
    """``size`` bytes that all processes map; a collective call."""
    owned = os.memfd_create("node-memory") if processes.rank == 0 else None
    if owned is not None:
        os.ftruncate(owned, size)
    offers = processes.gather_objects((machine_identity(), os.getpid(), owned))
    machines = {machine for machine, _, _ in offers}
    if len(machines) > 1:
        raise ValueError(
            "system=tgl keeps one node memory in the memory of one machine, and its processes are "
            f"on {len(machines)}; choose system=disttgl to train on several."
        )
    _, owner, descriptor = offers[0]
    with open(f"/proc/{owner}/fd/{descriptor}", "r+b", buffering=0) as file:
        content = mmap.mmap(file.fileno(), size)
    processes.barrier()  # all have it open
    if owned is not None:
        os.close(owned)
    return content


@dataclass(frozen=True)
class ChunkSchedule:
    """Global batches of ``batch_size`` events for each of ``num_trainers``, in order of time.

    With random chunk scheduling (TGL's algorithm and Figure 6) a global batch is cut into
    ``num_chunks`` equal chunks, and the first batch of a round holds a random number of them, so
    that events which miss each other inside one batch meet in another round. The paper's algorithm
    leaves out the events before the first whole batch; they are kept here as in the released code.

    Raises:
        ValueError: If there are no events, or a global batch cannot be cut into the chunks.
    """

    num_events: int
    batch_size: int
    num_trainers: int
    num_chunks: int
    seed: int

    def __post_init__(self) -> None:
        if self.num_events < 1:
            raise ValueError(f"There are {self.num_events} training events; a schedule needs some.")
        if not 1 <= self.num_chunks <= self.global_size:
            raise ValueError(
                f"system.num_chunks is {self.num_chunks}; the global batch of {self.global_size} "
                f"events can be cut into 1 to {self.global_size} chunks."
            )

    @property
    def global_size(self) -> int:
        return self.batch_size * self.num_trainers

    @property
    def iterations_per_round(self) -> int:
        """The same in every round; a first batch that is cut short makes one batch more."""
        return -(-self.num_events // self.global_size) + (self.num_chunks > 1)

    def first_size(self, round_number: int) -> int:
        """Events of the first batch of a round: a number of chunks, each equally likely."""
        drawn = key_to_seed(self.seed, "first chunk", round_number) % self.num_chunks
        return self.global_size * (drawn + 1) // self.num_chunks

    def global_batches(self, round_number: int) -> list[range]:
        """The events of every iteration; those of the last one may be none."""
        start = self.first_size(round_number) - self.global_size
        stops = [
            min(start + n * self.global_size, self.num_events)
            for n in range(1, self.iterations_per_round + 1)
        ]
        return [range(*ends) for ends in zip([0, *stops[:-1]], stops, strict=True)]

    def local_events(self, global_batch: range, trainer: int) -> range:
        """The share of one trainer; a short batch fills the first trainers, and others get none."""
        return global_batch[trainer * self.batch_size :][: self.batch_size]


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
    on_host = True

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
                written.append((batch.written, batch.write, state, memory))
                num_events += batch.num_events
        # No process gets past this before all have read what is written below.
        mean_loss = self.learner.step()
        with self.stopwatch("memory_write"):
            for nodes, write, state, memory in written:
                self.memory.write(nodes, write.new_state(self.model, state, memory))
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
            return batch, self.memory.read(batch.read)
