"""What systems that train a ``TemporalModel`` share: all but their order of batches and memory."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.errors import choose
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.samplers import RECENT_SAMPLERS, NeighborSampler
from benchmark.machine.device import add_in_order, check_precision, reachable
from benchmark.machine.host_memory import use_large_pages
from benchmark.models.contract import TemporalModel
from benchmark.models.layers.products import narrow_products
from benchmark.models.node_state import NodeState
from benchmark.models.streaming import StreamingModel
from benchmark.parallelism import Parallelism
from benchmark.randomness import seeded
from benchmark.training.batch import BatchBuilder
from benchmark.training.gradients import GRADIENT_SUMS
from benchmark.training.learner import (
    LEARNING_RATE_SCALES,
    PRECISIONS,
    Learner,
    ModelOptions,
    check_trains,
)
from benchmark.training.objectives import LINK_OBJECTIVES, ClassifiesEvents, make_objective
from benchmark.training.system import Job, ReportProgress, Step, Stopwatch, System


class ModelSystem(System):
    """A system of its own writes ``train`` and ``snapshot`` and sets the numbers of ``System``.

    It finds ``builder`` (batches), ``learner`` (weights), ``empty`` (the state of all nodes at the
    start) and ``iteration`` (the next one) here. Evaluation goes on in the ``snapshot`` at the
    end of a round; that lies on the device that trains, or ``on_host``.
    """

    on_host = False

    trains = TemporalModel
    options = ModelOptions
    choices: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "sampler": RECENT_SAMPLERS,
        "loss": {**LINK_OBJECTIVES, "auto": None},
        "learning_rate_scale": LEARNING_RATE_SCALES,
        "precision": PRECISIONS,
        "gradient_sum": GRADIENT_SUMS,
    }

    @classmethod
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """Refuse a word that is none of the ``choices`` of its option."""
        for option, choices in cls.choices.items():
            if option in options:
                choose(f"system.{option}", options[option], choices)

    def __init__(self, job: Job, options: ModelOptions) -> None:
        super().__init__(job)
        dataset, protocol, training = job.dataset, job.protocol, job.training
        device = training.device
        dtype, product_type = choose("system.precision", options.precision, PRECISIONS)
        check_precision(options.precision, device)
        if options.gradient_sum == "ordered":
            add_in_order(device)
        self.visibility = protocol.visibility
        self.trained_events = dataset.split.range("train")
        self.iteration = 0
        with seeded(device, training.seed, "weights"):
            self.model = self.build_model()
        with seeded(device, training.seed, "decoder"):
            self.objective = make_objective(
                training.goal, options.loss, protocol, self.model, dataset
            )
        features = self.model.edge_features.to(dtype)
        self.model.edge_features = reachable("edge features", features, device)
        self.objective.to(device, dtype)
        use_large_pages(self.model.edge_features)
        narrow_products(self.objective, product_type)
        scale = choose(
            "system.learning_rate_scale", options.learning_rate_scale, LEARNING_RATE_SCALES
        )
        self.optimizer = torch.optim.Adam(
            self.objective.parameters(),
            lr=training.learning_rate * scale(training.parallelism.num_trainers),
            fused=True,
        )
        preparation = Stopwatch()
        with preparation("index"):
            self.sampler = self._build_sampler(options.sampler)
        self.prepare_seconds = preparation.seconds
        nobody = self.model.empty_state(1, dtype, device)
        self.empty = nobody.repeated(dataset.num_nodes)
        self.evaluation = StreamingModel(
            self.model, self.sampler, self.empty, training.evaluation_mebibytes
        )
        self.observed = 0  # events that the evaluation's node memory has taken in
        negatives = protocol.negatives(dataset)
        num_negatives = options.num_training_negatives if self.objective.uses_negatives else 0
        mail_sampler = self.model.mail_sampler(self.sampler)
        self.builder = BatchBuilder(
            dataset,
            self.sampler,
            negatives,
            num_negatives,
            training.seed,
            device,
            mail_sampler,
            self.model.adds_mails,
        )
        gradients = choose("system.gradient_sum", options.gradient_sum, GRADIENT_SUMS)(
            self.objective, nobody, training.parallelism.num_trainers, job.processes
        )
        self.learner = Learner(gradients, self.optimizer, nobody, training.seed, self.stopwatch)
        self._warm_up(dataset.split.range("train")[:1])

    @abstractmethod
    def train(self, iterations: range) -> Iterator[Step]:
        """Train one round, from an empty node memory, yielding after every iteration."""

    @abstractmethod
    def snapshot(self) -> NodeState:
        """All rows of node memory: evaluation changes them, training starts over; collective."""

    def build_model(self) -> TemporalModel:
        """The network with the first weights."""
        assert self.job.model is not None, "the suite gives no system of a model none"
        dataset = self.job.dataset
        network: TemporalModel = self.job.model(
            edge_features=dataset.stream.msg, node_features=dataset.node_features
        )
        return network

    def _build_sampler(self, sampler: str) -> NeighborSampler:
        dataset, model = self.job.dataset, self.model
        stream = dataset.stream
        index = NeighborIndex(stream.src, stream.dst, stream.t, dataset.num_nodes)
        return choose("system.sampler", sampler, RECENT_SAMPLERS)(
            index,
            model.num_neighbors,
            self.visibility,
            model.num_layers,
            model.snapshots,
        )

    def _warm_up(self, event: range) -> None:
        """Go forward and backward over one ``event``, which counts nowhere.

        No clock shall see the compilers, also not after a resumption.
        """
        batch = self.builder.build(event, event, 0, 0)
        state = self.learner.nobody.repeated(batch.subgraph.nodes.numel())
        with seeded(state.memory.device, 0, "warm up"):
            loss, _ = self.objective(batch, state)
        check_trains(self.objective, loss)

    def prepare(self, report: ReportProgress) -> dict[str, float]:
        """The seconds of the neighbour index, which is built with the system."""
        return self.prepare_seconds

    def train_round(self) -> Iterator[Step]:
        """Train one round; then evaluation starts from what it leaves."""
        self.evaluation.state = self.empty  # what it has may be what training starts over
        self.model.train()
        for step in self.train(range(self.iteration, self.iteration + self.iterations_per_round)):
            self.iteration += 1
            yield step
            self.model.train()  # evaluation may have come between
        self.evaluation.state = self.empty  # gives back what evaluation within the round left
        self.evaluation.state = self.snapshot()
        self.observed = self.job.dataset.split.train_end

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Scores [num_events, num_candidates] of the destinations ``candidates``."""
        return self.evaluation.score(events, candidates)

    def observe(self, events: EventBatch) -> None:
        """Let the evaluation's node memory take in a whole batch."""
        self.evaluation.observe(events)
        self.observed = events.start + len(events)

    @property
    def position(self) -> int:
        """How many events of the stream the evaluation's node memory has taken in."""
        return self.observed

    def classify(self, events: EventBatch) -> Tensor:
        """Logits [num_events, num_classes] of what is to happen."""
        assert isinstance(self.objective, ClassifiesEvents), "not trained to classify"
        with torch.no_grad():
            return self.objective.logits(self.evaluation.answer(events))

    def restart(self) -> None:
        """Continue evaluation from the start of the stream, with an empty node memory."""
        device = torch.device("cpu") if self.on_host else self.job.training.device
        nobody = self.learner.nobody.map(lambda field: field.to(device))
        self.evaluation.state = nobody.repeated(self.job.dataset.num_nodes).map(Tensor.clone)
        self.observed = 0

    def catch_up(self) -> None:
        """Let evaluation start from the training events, taken in with the weights of now.

        The node memories that training uses are not touched, nor asked: within a round they have
        seen a part of these events only.
        """
        self.restart()
        events, training = self.trained_events, self.job.training
        size = training.parallelism.i * training.batch_size  # memory is as stale as in training
        for start in range(events.start, events.stop, size):
            self.observe(self.job.dataset.batch(start, min(start + size, events.stop)))

    def embed_sources(self, events: EventBatch) -> Tensor:
        """Embeddings [num_events, embedding_dim] of the sources, each before its event."""
        return self.evaluation.embed_sources(events)

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser and position; not the node memory, which a round starts empty."""
        return {
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "iteration": self.iteration,
        }

    def evaluation_state(self) -> dict[str, Any]:
        """Weights, the evaluation's node memory and its position; not copies of them."""
        memory = tuple(self.evaluation.state)
        return {
            "objective": self.objective.state_dict(),
            "evaluation": {"memory": memory, "observed": self.observed},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict``, or evaluate from ``evaluation_state``."""
        self.objective.load_state_dict(state["objective"])
        self.restart()
        if "evaluation" in state:
            for field, kept in zip(
                self.evaluation.state, state["evaluation"]["memory"], strict=True
            ):
                field.copy_(kept)
            self.observed = state["evaluation"]["observed"]
        else:
            self.optimizer.load_state_dict(state["optimizer"])
            self.iteration = state["iteration"]
