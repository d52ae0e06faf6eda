"""The DistTGL trainer: i x j x k logical trainers on any number of processes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from benchmark.datasets.dataset import Dataset
from benchmark.disttgl.memory.daemon import DaemonMemory
from benchmark.disttgl.memory.replica import ReplicaMemory
from benchmark.disttgl.memory.sharded import ShardedMemory
from benchmark.disttgl.pretraining import pretrained_rows
from benchmark.disttgl.schedule import Schedule
from benchmark.disttgl.table_trainer import Pretraining
from benchmark.disttgl.trainer import LogicalTrainers
from benchmark.errors import choose
from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.training.learner import ModelOptions
from benchmark.training.model_system import ModelSystem
from benchmark.training.system import Job, ReportProgress, Step

NODE_MEMORIES: dict[str, type[DaemonMemory | ReplicaMemory | ShardedMemory]] = {
    "replica": ReplicaMemory,
    "daemon": DaemonMemory,
    "sharded": ShardedMemory,
}
STATIC_MEMORY = ("off", "pretrained")


@dataclass(frozen=True)
class DistTGLOptions(ModelOptions):
    """Described in conf/system/disttgl.yaml."""

    node_memory: str = "replica"
    static_memory: str = "off"
    static_memory_epochs: int = 30
    static_memory_patience: int = 3
    static_memory_learning_rate: float = 1e-3
    static_memory_table_learning_rate: float = 2e-2
    static_memory_held_out: float = 0.05
    static_memory_dropout: float | None = None
    last_training_events: int | None = None


class DistTGLSystem(ModelSystem):
    """DistTGL (SC'23): one model, k copies of node memory, i x j trainers for each copy.

    Evaluation starts from the first copy at the end of a round.
    """

    options = DistTGLOptions
    choices: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ModelSystem.choices,
        "node_memory": NODE_MEMORIES,
    }

    @classmethod
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """Also refuses an unknown static memory."""
        super().check(parallelism, num_processes, options)
        if "static_memory" in options:
            uses_static_memory(options["static_memory"])

    @classmethod
    def check_machines(
        cls, parallelism: Parallelism, machines: int, options: Mapping[str, Any]
    ) -> None:
        """Refuse a memory copy that would cross machines where its backend cannot."""
        node_memory = options.get("node_memory", cls.options.node_memory)
        if node_memory != "sharded" and parallelism.k % machines:
            raise ValueError(
                f"system.node_memory={node_memory} keeps every memory copy on one machine, and "
                f"parallelism.k={parallelism.k} copies cannot be shared evenly by {machines} "
                f"machines; choose a multiple of {machines}, or system.node_memory=sharded."
            )

    def __init__(self, job: Job, **options: Any) -> None:
        self.chosen = chosen = DistTGLOptions(**options)
        training = job.training
        parallelism = training.parallelism
        self.has_static_memory = uses_static_memory(chosen.static_memory)
        self.table_settings = Pretraining(
            epochs=chosen.static_memory_epochs,
            patience=chosen.static_memory_patience,
            learning_rate=chosen.static_memory_learning_rate,
            table_learning_rate=chosen.static_memory_table_learning_rate,
            held_out=chosen.static_memory_held_out,
            batch_size=training.batch_size,
            num_negatives=chosen.num_training_negatives,
            protocol=job.protocol,
            seed=training.seed,
        )
        trained = last_events(job.dataset.split.range("train"), chosen.last_training_events)
        self.schedule = Schedule(parallelism, len(trained), training.batch_size, trained.start)
        self.num_rounds = self.schedule.num_rounds(training.epochs)
        self.epochs_per_round = self.schedule.epochs_per_round
        self.iterations_per_round = self.schedule.iterations_per_round
        node_memory = choose("system.node_memory", chosen.node_memory, NODE_MEMORIES)
        self.on_host = node_memory.on_host
        super().__init__(job, chosen)
        self.trained_events = trained
        num_nodes, mail_sampler = job.dataset.num_nodes, self.builder.mail_sampler
        recipients = 1 + (mail_sampler.num_neighbors if mail_sampler else 0)
        most_written = min(2 * training.batch_size * recipients, num_nodes)
        self.memory = node_memory(self.empty, most_written, parallelism, job.processes)
        self.trainers = LogicalTrainers(
            self.learner, self.builder, self.schedule, self.memory, job.trainers
        )

    def build_model(self) -> TemporalModel:
        """The network; no number in its static memory until that is pre-trained or loaded."""
        model = super().build_model()
        if self.has_static_memory:
            dataset = self.job.dataset
            blank = torch.full((dataset.num_nodes, model.node_dim), torch.nan)
            model.use_static_memory(blank, row_dropout(self.chosen.static_memory_dropout, dataset))
        return model

    def prepare(self, report: ReportProgress) -> dict[str, float]:
        """Pre-train the static memory, where there is one, or take it from the cache."""
        seconds = super().prepare(report)
        static, job = self.model.static_memory, self.job
        if static is None or job.model is None:
            return seconds
        settings, training = self.table_settings, job.training
        pretrained = pretrained_rows(
            job.dataset, job.model, settings, training.device, training.cache, report
        )
        static.fill(pretrained.rows, pretrained.unknown)
        for buffer in static.buffers():
            job.processes.broadcast(buffer, source=0)
        self.pretraining = pretrained.summary
        return {**seconds, "pretrain": pretrained.seconds}

    def train(self, iterations: range) -> Iterator[Step]:
        """One lap of every trainer: j*k sweeps over the training events."""
        return self.trainers.run(iterations)

    def snapshot(self) -> NodeState:
        """The first copy of the node memory, with which every round starts over."""
        return self.memory.release(0)

    def state_dict(self) -> dict[str, Any]:
        """Also this process's memory copies, what its trainers have read, and the pre-training.

        The first copy is as evaluation has left it: the next round starts it over.
        """
        memory = self.memory.local_state()
        return {
            **super().state_dict(),
            "memory": {copy: tuple(state) for copy, state in memory.items()},
            "trainers": self.trainers.state_dict(),
            "pretraining": self.pretraining,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict``, or evaluate from ``evaluation_state``."""
        super().load_state_dict(state)
        if "evaluation" in state:
            return
        for copy, fields in state["memory"].items():
            self.memory.restore(copy, NodeState(*fields))
        self.trainers.load_state_dict(state["trainers"])
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


def uses_static_memory(choice: str) -> bool:
    """Whether the value of ``system.static_memory`` asks for one."""
    if choice not in STATIC_MEMORY:
        raise ValueError(
            f"system.static_memory is {choice!r}; it must be 'off' or 'pretrained' (with the quotes"
            " in a yaml file, where a bare off means false)."
        )
    return choice == "pretrained"


def row_dropout(option: float | None, dataset: Dataset) -> float:
    """How often a node of a training batch is to be taken for unknown.

    Where the option leaves it open, as often as an end of the last training events has no event
    before them; the last are as large a part of the training events as validation and test are of
    all, so that this is known without a look at those. Raises ValueError for what is no share.
    """
    if option is not None:
        if not 0 <= option < 1:
            raise ValueError(
                f"system.static_memory_dropout is {option}; it must be at least 0 and below 1, or "
                "null for the share of new nodes."
            )
        return option
    stream, end = dataset.stream, dataset.split.train_end
    first = end * end // dataset.num_events
    seen = torch.zeros(dataset.num_nodes, dtype=torch.bool)
    seen[stream.src[:first]] = seen[stream.dst[:first]] = True
    last = torch.cat([stream.src[first:end], stream.dst[first:end]])
    return 1 - seen[last].double().mean().item()
