"""The DistTGL trainer: i x j x k logical trainers on any number of processes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from benchmark.choose import choose
from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.disttgl.batch import BatchBuilder
from benchmark.disttgl.class_loss import ClassifiesEvents
from benchmark.disttgl.gradients import GRADIENT_SUMS
from benchmark.disttgl.memory.registry import NODE_MEMORIES
from benchmark.disttgl.objectives import make_objective
from benchmark.disttgl.schedule import SCHEDULES
from benchmark.disttgl.static_memory import pretrained_rows, row_dropout, uses_static_memory
from benchmark.disttgl.table_trainer import Pretraining
from benchmark.disttgl.trainer import LogicalTrainers
from benchmark.disttgl.warm_up import warm_up
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.samplers import RECENT_SAMPLERS
from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.models.stream_embeddings import end_embeddings, source_embeddings
from benchmark.models.streaming import StreamingModel
from benchmark.processes import Processes
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import negative_pool
from benchmark.randomness import seeded
from benchmark.stopwatch import Stopwatch
from benchmark.system import ReportProgress, Step, TrainingSettings

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
LEARNING_RATE_SCALES: dict[str, Callable[[int], float]] = {
    "linear": float,
    "none": lambda num_trainers: 1.0,
}


class DistTGLSystem:
    """DistTGL (SC'23): one model, k copies of node memory, i x j trainers for each copy.

    The options from ``sampler`` on are described in conf/system/disttgl.yaml. Evaluation runs on a
    memory of its own that starts as the first copy at the end of a round.
    """

    trains = TemporalModel

    def __init__(
        self,
        dataset: Dataset,
        protocol: LinkProtocol,
        model: Callable[..., TemporalModel],
        training: TrainingSettings,
        processes: Processes,
        sampler: str,
        num_training_negatives: int,
        loss: str,
        learning_rate_scale: str,
        precision: str,
        node_memory: str,
        gradient_sum: str = "overlapped",
        schedule: str = "reordered",
        static_memory: str = "off",
        static_memory_epochs: int = 30,
        static_memory_patience: int = 3,
        static_memory_learning_rate: float = 1e-3,
        static_memory_table_learning_rate: float = 2e-2,
        static_memory_held_out: float = 0.05,
        static_memory_dropout: float | None = None,
        last_training_events: int | None = None,
    ) -> None:
        device, dtype = training.device, choose("system.precision", precision, PRECISIONS)
        self.processes = processes
        parallelism = training.parallelism
        stream = dataset.stream
        with seeded(device, training.seed, "weights"):
            self.model = model(edge_features=stream.msg, node_features=dataset.node_features)
        if uses_static_memory(static_memory):
            # No number until it is pre-trained or loaded, so that neither can be forgotten.
            blank = torch.full((dataset.num_nodes, self.model.node_dim), torch.nan)
            self.model.use_static_memory(blank, row_dropout(static_memory_dropout, dataset))
        with seeded(device, training.seed, "decoder"):
            self.objective = make_objective(training.goal, loss, protocol, self.model, dataset)
        self.objective.to(device, dtype)
        self.pretraining: dict[str, float] = {}
        self.pretrain = partial(
            pretrained_rows,
            dataset,
            model,
            Pretraining(
                static_memory_epochs,
                static_memory_patience,
                static_memory_learning_rate,
                static_memory_table_learning_rate,
                static_memory_held_out,
                training.batch_size,
                num_training_negatives,
                protocol.negative_pool,
                training.seed,
            ),
            device,
            training.cache,
        )
        self.visibility = protocol.visibility
        if schedule == "first" and processes.world_size > 1:
            raise ValueError(
                "system.schedule=first hands batches from trainer to trainer and runs on one "
                f"process, not on {processes.world_size}: set processes=1."
            )
        trained = last_events(dataset.split.range("train"), last_training_events)
        self.schedule = choose("system.schedule", schedule, SCHEDULES)(
            parallelism, len(trained), training.batch_size, trained.start
        )
        self.num_rounds = self.schedule.num_rounds(training.epochs)
        self.epochs_per_round = self.schedule.epochs_per_round
        self.iterations_per_round = self.schedule.iterations_per_round
        self.iteration = 0
        preparation = Stopwatch()
        with preparation("index"):
            index = NeighborIndex(stream.src, stream.dst, stream.t, dataset.num_nodes).to(device)
        self.prepare_seconds = preparation.seconds
        reach = (self.model.num_layers, self.model.snapshots)
        self.sampler = choose("system.sampler", sampler, RECENT_SAMPLERS)(
            index, self.model.num_neighbors, protocol.visibility, *reach
        )
        nobody = self.model.empty_state(1, dtype, device)
        # One row seen as the rows of all nodes: it takes no memory.
        self.empty = NodeState(*(row.expand(dataset.num_nodes, *row.shape[1:]) for row in nobody))
        mail_sampler = self.model.mail_sampler(self.sampler)
        recipients = 1 + (mail_sampler.num_neighbors if mail_sampler else 0)
        most_written = min(2 * training.batch_size * recipients, dataset.num_nodes)
        self.memory = choose("system.node_memory", node_memory, NODE_MEMORIES)(
            self.empty, most_written, parallelism, processes
        )
        self.evaluation = StreamingModel(
            self.model, self.sampler, self.empty, training.evaluation_mebibytes
        )
        scale = choose("system.learning_rate_scale", learning_rate_scale, LEARNING_RATE_SCALES)
        self.optimizer = torch.optim.Adam(
            self.objective.parameters(),
            lr=training.learning_rate * scale(parallelism.num_trainers),
            fused=True,
        )
        pool = negative_pool(dataset, protocol.negative_pool)
        num_negatives = num_training_negatives if self.objective.uses_negatives else 0
        builder = BatchBuilder(
            dataset, self.sampler, pool, num_negatives, training.seed, device, mail_sampler
        )
        gradients = choose("system.gradient_sum", gradient_sum, GRADIENT_SUMS)(
            self.objective, nobody, parallelism.num_trainers, processes
        )
        self.trainers = LogicalTrainers(
            gradients,
            self.optimizer,
            self.schedule,
            builder,
            self.memory,
            parallelism.trainers_of(processes.rank, processes.world_size),
            nobody,
            training.seed,
        )
        self.seconds_by_part = self.trainers.stopwatch.seconds
        warm_up(self.objective, builder, trained[:1], nobody)

    def prepare(self, report: ReportProgress) -> dict[str, float]:
        """Pre-train the static memory, where there is one, or take it from the cache.

        The seconds are also those of the neighbour index, which is built with the system.
        """
        static = self.model.static_memory
        if static is None:
            return self.prepare_seconds
        pretrained = self.pretrain(report)
        static.fill(pretrained.rows, pretrained.unknown)
        print(
            "PRETRAIN",
            pretrained.seconds,
            pretrained.mrrs.tolist(),
            pretrained.losses.tolist(),
            flush=True,
        )
        for buffer in static.buffers():
            self.processes.broadcast(buffer, source=0)
        self.pretraining = pretrained.summary
        return {**self.prepare_seconds, "pretrain": pretrained.seconds}

    def train_round(self) -> Iterator[Step]:
        """One lap of every trainer: j*k sweeps over the training events."""
        self.model.train()
        end = self.iteration + self.iterations_per_round
        for step in self.trainers.run(range(self.iteration, end)):
            self.iteration += 1
            yield step
        self.evaluation.state = self.empty  # gives back what the last round left
        self.evaluation.state = self.memory.snapshot(0)

    def score(self, events: EventBatch, candidates: torch.Tensor) -> torch.Tensor:
        """Scores [num_events, num_candidates] of the destinations ``candidates``."""
        return self.evaluation.score(events, candidates)

    def observe(self, events: EventBatch) -> None:
        """Let the evaluation's node memory take in a whole batch."""
        self.evaluation.observe(events)

    def classify(self, events: EventBatch) -> torch.Tensor:
        """Logits [num_events, num_classes] of what is to happen."""
        assert isinstance(self.objective, ClassifiesEvents), "not trained to classify"
        with torch.no_grad():
            return self.objective.logits(*end_embeddings(self.evaluation, events))

    def restart(self) -> None:
        """Continue evaluation from the start of the stream, with an empty node memory."""
        self.evaluation.state = NodeState(*(field.clone() for field in self.empty))

    def embed_sources(self, events: EventBatch) -> torch.Tensor:
        """Embeddings [num_events, embedding_dim] of the sources, each before its event."""
        return source_embeddings(self.evaluation, events)

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser, this process's memory copies and read inputs, the position."""
        memory = self.memory.local_state()
        return {
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "memory": {copy: tuple(state) for copy, state in memory.items()},
            "trainers": self.trainers.state_dict(),
            "iteration": self.iteration,
            "pretraining": self.pretraining,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict``."""
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        for copy, fields in state["memory"].items():
            self.memory.restore(copy, NodeState(*fields))
        self.trainers.load_state_dict(state["trainers"])
        self.iteration = state["iteration"]
        self.pretraining = state["pretraining"]

    def close(self) -> None:
        """Give back what node memory holds outside this process."""
        self.memory.close()


def last_events(events: range, number: int | None) -> range:
    """The last ``number`` of ``events``, or all of them; raises ValueError if there are fewer."""
    if number is None:
        return events
    if not 1 <= number <= len(events):
        raise ValueError(
            f"system.last_training_events is {number}: it must be from 1 to the {len(events)} "
            "training events, or null for all"
        )
    return events[-number:]
