"""Dynamic node classification: the state of every event's source at the time of the event."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.errors import choose
from benchmark.experiment import Experiment
from benchmark.protocol.classification_metrics import positive_class
from benchmark.protocol.evaluator import evaluate_classes, evaluate_links
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.walk import EventClassifier, Sharing, SourceEmbedder, walk
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.tasks.node_decoder import DecoderTraining, train_decoder
from benchmark.tasks.outcome import close, outcome
from benchmark.tasks.requirements import (
    CLASS_METRICS,
    as_classifier,
    as_embedder,
    require_labels,
    require_metric,
)
from benchmark.tasks.task import Task
from benchmark.training.loop import Training
from benchmark.training.processes import Processes
from benchmark.training.system import Goal


class NodeClassification(Task):
    """Trains one system, then (``frozen``) or at the same time (``joint``) a decoder of classes.

    Frozen, the system learns link prediction alone; with the weights of its last round it then
    runs once along the stream from an empty memory, and the embeddings it gives to the sources
    train the decoder, as TGN and TGL do; links are validated and not tested. Joint, the losses of
    links and classes are added.
    """

    trains = True
    needs_nodes = True
    label_kinds = (LabelKind.NODE,)

    def __init__(
        self,
        name: str,
        log_interval: int,
        primary_metric: str,
        embeddings: str,
        decoder: dict[str, Any],
    ) -> None:
        self.name = name
        self.log_interval = log_interval
        self.primary_metric = choose("task.primary_metric", primary_metric, CLASS_METRICS)
        self.method = choose(
            "task.embeddings", embeddings, {"frozen": self._frozen, "joint": self._joint}
        )
        self.decoder = DecoderTraining(**decoder)

    @property
    def ability(self) -> type:
        """Joint training classifies; a frozen decoder takes embeddings."""
        return EventClassifier if self.method == self._joint else SourceEmbedder

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Train all epochs; returns what the record takes from training."""
        dataset = build_dataset(experiment)
        require_labels(self, dataset)
        require_metric(dataset, self.primary_metric)
        protocol = build_protocol(experiment)
        result = self.method(experiment, dataset, protocol, folder, processes)
        return result | (
            {"positive_class": positive_class(dataset)} if dataset.num_classes == 2 else {}
        )

    def _joint(
        self,
        experiment: Experiment,
        dataset: Dataset,
        protocol: LinkProtocol,
        folder: RunFolder,
        processes: Processes,
    ) -> dict[str, Any]:
        goal, metric = Goal.LINKS_AND_NODE_CLASSES, self.primary_metric
        system = build_system(experiment, dataset, protocol, processes, goal)
        classifier = as_classifier(system)
        evaluate = partial(evaluate_classes, classifier, dataset, batch_size=experiment.batch_size)
        training = Training(
            system, evaluate, metric, folder, processes, self.log_interval,
            evaluate_every=experiment.evaluate_every,
        )  # fmt: skip
        progress = training.run()
        close(system, processes)
        return outcome(experiment, dataset, system, progress, processes, metric)

    def _frozen(
        self,
        experiment: Experiment,
        dataset: Dataset,
        protocol: LinkProtocol,
        folder: RunFolder,
        processes: Processes,
    ) -> dict[str, Any]:
        batch_size, metric = experiment.batch_size, protocol.primary_metric
        system = build_system(experiment, dataset, protocol, processes)
        embedder = as_embedder(system)
        evaluate = partial(
            evaluate_links, system, dataset, protocol=protocol, batch_size=batch_size
        )
        training = Training(
            system, evaluate, metric, folder, processes, self.log_interval, test=False,
            evaluate_every=experiment.evaluate_every,
        )  # fmt: skip
        progress = training.run()
        report = partial(folder.heartbeat, processes.rank)
        embeddings = embed_stream(
            embedder, dataset, batch_size, processes, partial(report, "embed")
        )
        close(system, processes)
        best = train_decoder(
            embeddings.float(),
            dataset,
            self.primary_metric,
            self.decoder,
            experiment.seed,
            partial(report, "decode"),
        )
        result = outcome(experiment, dataset, system, progress, processes, metric)
        metrics = best | result["metrics"]
        return result | {"metrics": metrics, "primary_metric": self.primary_metric}


def embed_stream(
    system: SourceEmbedder,
    dataset: Dataset,
    batch_size: int,
    processes: Processes,
    on_batch: Callable[[int, int], None],
) -> Tensor:
    """Embeddings [num_events, embedding_dim] of the sources of all events, each before its own."""

    system.restart()
    sharing = Sharing(processes.rank, processes.world_size, processes.sum, on_batch)
    events = range(dataset.num_events)
    return walk(system, system.embed_sources, dataset, events, batch_size, sharing)
