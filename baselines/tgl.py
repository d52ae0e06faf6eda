"""TGL as a system of this suite: mini-batch parallelism over one synchronous node memory.

What it does is what TGL (VLDB'22, arXiv 2203.14883) describes for several GPUs: the trainers share
a chronological global batch, all read node memory and mails from host memory, train, and write
before anyone reads again. docs/systems.md says where this and DistTGL, the paper and the released
code agree and where not.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmark.baselines.tgl_memory import HostMemory
from benchmark.baselines.tgl_schedule import ChunkSchedule
from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.disttgl.batch import BatchBuilder, TrainingBatch
from benchmark.disttgl.choices import LEARNING_RATE_SCALES, PRECISIONS
from benchmark.disttgl.class_loss import ClassifiesEvents
from benchmark.disttgl.gradients import OverlappedGradients
from benchmark.disttgl.loss import LINK_OBJECTIVES
from benchmark.disttgl.objectives import make_objective
from benchmark.disttgl.warm_up import warm_up
from benchmark.errors import choose
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.samplers import RECENT_SAMPLERS
from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.models.stream_embeddings import end_embeddings, source_embeddings
from benchmark.models.streaming import StreamingModel
from benchmark.parallelism import Parallelism
from benchmark.processes import Processes
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import negative_pool
from benchmark.randomness import seeded
from benchmark.stopwatch import Stopwatch
from benchmark.system import ReportProgress, Step, TrainingSettings

CHOICES: dict[str, Mapping[str, Any]] = {
    "sampler": RECENT_SAMPLERS,
    "loss": {**LINK_OBJECTIVES, "auto": None},
    "learning_rate_scale": LEARNING_RATE_SCALES,
    "precision": PRECISIONS,
}
NUM_TRAINING_NEGATIVES = 1  # NegLinkSampler draws one for every event


class TGLSystem:
    """``benchmark.system.System`` for TGL; the options are described in conf/system/tgl.yaml.

    A round is one epoch. ``seconds_by_part`` tells "prepare" (negatives, sampling), "memory_read",
    "compute" (forward, backward and the exchange of gradients), the optimiser's "step" and
    "memory_write" (with waiting for other processes).
    """

    trains = TemporalModel
    epochs_per_round = 1

    @classmethod
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """As ``benchmark.system.System.check``."""
        cls.check_degrees(parallelism)
        for option, choices in CHOICES.items():
            choose(f"system.{option}", options[option], choices)

    @staticmethod
    def check_degrees(parallelism: Parallelism) -> None:
        """Raises ValueError unless there is mini-batch parallelism only."""
        if parallelism.j > 1 or parallelism.k > 1:
            raise ValueError(
                "system tgl knows mini-batch parallelism only and needs parallelism.j=1 and "
                f"parallelism.k=1, not {parallelism}; choose system=disttgl for the other two."
            )

    def __init__(
        self,
        dataset: Dataset,
        protocol: LinkProtocol,
        model: Callable[..., TemporalModel],
        training: TrainingSettings,
        processes: Processes,
        sampler: str,
        loss: str,
        learning_rate_scale: str,
        precision: str,
        num_chunks: int,
    ) -> None:
        parallelism = training.parallelism
        self.check_degrees(parallelism)
        self.training = training
        self.processes = processes
        self.trainers = parallelism.trainers_of(processes.rank, processes.world_size)
        self.schedule = ChunkSchedule(
            dataset.split.train_end,
            training.batch_size,
            parallelism.num_trainers,
            num_chunks,
            training.seed,
        )
        self.num_rounds = training.epochs
        self.iterations_per_round = self.schedule.iterations_per_round
        self.rounds = 0
        self.visibility = protocol.visibility

        device, dtype = training.device, choose("system.precision", precision, PRECISIONS)
        stream = dataset.stream
        with seeded(device, training.seed, "weights"):
            self.model = model(edge_features=stream.msg, node_features=dataset.node_features)
        with seeded(device, training.seed, "decoder"):
            self.objective = make_objective(training.goal, loss, protocol, self.model, dataset)
        self.objective.to(device, dtype)
        scale = choose("system.learning_rate_scale", learning_rate_scale, LEARNING_RATE_SCALES)
        self.optimizer = torch.optim.Adam(
            self.objective.parameters(),
            lr=training.learning_rate * scale(parallelism.num_trainers),
            fused=True,
        )
        index = NeighborIndex(stream.src, stream.dst, stream.t, dataset.num_nodes).to(device)
        reach = (self.model.num_layers, self.model.snapshots)
        self.sampler = choose("system.sampler", sampler, RECENT_SAMPLERS)(
            index, self.model.num_neighbors, protocol.visibility, *reach
        )
        pool = negative_pool(dataset, protocol.negative_pool)
        num_negatives = NUM_TRAINING_NEGATIVES if self.objective.uses_negatives else 0
        mail_sampler = self.model.mail_sampler(self.sampler)
        self.builder = BatchBuilder(
            dataset, self.sampler, pool, num_negatives, training.seed, device, mail_sampler
        )
        self.nobody = self.model.empty_state(1, dtype, device)
        self.gradients = OverlappedGradients(
            self.objective, self.nobody, parallelism.num_trainers, processes
        )
        empty = self.model.empty_state(dataset.num_nodes, dtype, device)
        self.memory = HostMemory(empty, processes)
        self.evaluation = StreamingModel(
            self.model, self.sampler, empty, training.evaluation_mebibytes
        )
        self.stopwatch = Stopwatch()
        self.seconds_by_part = self.stopwatch.seconds
        warm_up(self.objective, self.builder, range(1), self.nobody)

    def prepare(self, report: ReportProgress) -> dict[str, float]:
        """Nothing to do before training."""
        return {}

    def train_round(self) -> Iterator[Step]:
        """One epoch of the training events, from an empty memory."""
        self.model.train()
        self.memory.reset()
        first_iteration = self.rounds * self.iterations_per_round
        for place, events in enumerate(self.schedule.global_batches(self.rounds)):
            yield self._train(events, first_iteration + place)
        self.rounds += 1
        self.evaluation.state = self.memory.snapshot()

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Scores [num_events, num_candidates] of the destinations ``candidates``."""
        return self.evaluation.score(events, candidates)

    def observe(self, events: EventBatch) -> None:
        """Let the evaluation's node memory take in a whole batch."""
        self.evaluation.observe(events)

    def classify(self, events: EventBatch) -> Tensor:
        """Logits [num_events, num_classes] of what is to happen."""
        assert isinstance(self.objective, ClassifiesEvents), "not trained to classify"
        with torch.no_grad():
            return self.objective.logits(*end_embeddings(self.evaluation, events))

    def restart(self) -> None:
        """Continue evaluation from the start of the stream, with an empty node memory."""
        self.evaluation.state.reset()

    def embed_sources(self, events: EventBatch) -> Tensor:
        """Embeddings [num_events, embedding_dim] of the sources, each before its event."""
        return source_embeddings(self.evaluation, events)

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser and rounds; node memory starts empty in the next round."""
        return {
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rounds": self.rounds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict``."""
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rounds = state["rounds"]

    def close(self) -> None:
        """Nothing to give back: the shared memory goes with the processes."""

    def _train(self, global_batch: range, iteration: int) -> Step:
        """One step of the optimiser; without events nothing happens."""
        if not global_batch:
            return Step(torch.zeros((), device=self.training.device), 0)
        self.optimizer.zero_grad()
        written = []
        num_events = 0
        for trainer in self.trainers:
            batch, state = self._read(global_batch, trainer, iteration)
            with (
                self.stopwatch("compute"),
                seeded(self.training.device, self.training.seed, "dropout", trainer, iteration),
            ):
                last = trainer == self.trainers[-1]
                loss, memory = self.gradients.forward(batch, state, last)
            with self.stopwatch("compute"):
                self.gradients.backward(trainer, loss)
            if batch is not None:
                written.append((batch.write, state, memory))
                num_events += batch.num_events
        with self.stopwatch("compute"):
            # No process gets past this before all have read what is written below.
            mean_loss = self.gradients.finish()
        with self.stopwatch("step"):
            self.optimizer.step()
        with self.stopwatch("memory_write"):
            for write, state, memory in written:
                self.memory.write(write.nodes, write.new_state(self.model, state, memory))
            self.processes.barrier()
        return Step(mean_loss, num_events)

    def _read(
        self, global_batch: range, trainer: int, iteration: int
    ) -> tuple[TrainingBatch | None, NodeState]:
        """The batch of a trainer, if it has events, and the state of the batch's nodes."""
        events = self.schedule.local_events(global_batch, trainer)
        if not events:
            return None, self.nobody
        with self.stopwatch("prepare"):
            batch = self.builder.build(events, global_batch, trainer, iteration)
        with self.stopwatch("memory_read"):
            return batch, self.memory.read(batch.subgraph.nodes)
