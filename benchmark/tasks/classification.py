"""Dynamic classification: the classes of events before they happen, of nodes when they act."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from benchmark.datasets.dataset import Dataset, LabelKind, SplitName
from benchmark.errors import choose
from benchmark.experiment import Experiment
from benchmark.protocol.evaluator import MajorityClass, evaluate_classes
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import positive_class
from benchmark.protocol.walk import EventClassifier, Sharing, SourceEmbedder
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.tasks.choices import check_options
from benchmark.tasks.node_decoder import (
    DecodedReadout,
    DecoderTraining,
    embed_stream,
    train_decoder,
)
from benchmark.tasks.readout import ClassReadout, LinkReadout, Readout
from benchmark.tasks.requirements import (
    CLASS_METRICS,
    as_classifier,
    as_embedder,
    require_labels,
    require_metric,
)
from benchmark.tasks.task import TrainedTask, close, outcome
from benchmark.training.checkpoint import write_best
from benchmark.training.loop import Training
from benchmark.training.processes import Processes
from benchmark.training.system import Goal, System

SPLITS: tuple[SplitName, ...] = ("validation", "test")


class EdgeClassification(TrainedTask):
    """Trains one system end to end on the classes of events, as DistTGL on GDELT.

    The record also holds what ``MajorityClass`` reaches.
    """

    goal = Goal.EDGE_CLASSES
    label_kinds = (LabelKind.EDGE, LabelKind.MULTI_EDGE)
    ability = EventClassifier

    def __init__(self, name: str, log_interval: int, primary_metric: str) -> None:
        self.name = name
        self.log_interval = log_interval
        self.primary_metric = choose("task.primary_metric", primary_metric, CLASS_METRICS)

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Train all epochs; returns what the record takes from training."""
        dataset = build_dataset(experiment)
        require_labels(self, dataset)
        require_metric(dataset, self.primary_metric)
        protocol = build_protocol(experiment)
        system = build_system(experiment, dataset, protocol, processes, self.goal)
        readout = self.readout(system, dataset, protocol, experiment.batch_size, {})
        progress = Training(
            system, readout.evaluate, self.primary_metric, folder, processes, self.log_interval,
            evaluate_every=experiment.evaluate_every,
        ).run()  # fmt: skip
        close(system, processes)
        result = outcome(experiment, dataset, system, progress, processes, self.primary_metric)
        return result | {
            "metrics": result["metrics"] | majority_metrics(dataset, experiment.batch_size)
        }

    def readout(
        self,
        system: System,
        dataset: Dataset,
        protocol: LinkProtocol,
        batch_size: int,
        kept: Mapping[str, Any],
    ) -> ClassReadout:
        """The logits of the classes of events."""
        return ClassReadout(as_classifier(system), dataset, batch_size)


def majority_metrics(dataset: Dataset, batch_size: int) -> dict[str, float]:
    """The metrics of ``MajorityClass`` on validation and test."""
    majority = MajorityClass(dataset)
    return {
        f"{split}_{name}_majority": value
        for split in SPLITS
        for name, value in evaluate_classes(majority, dataset, split, batch_size).items()
        if name != "num_events"
    }


class NodeClassification(TrainedTask):
    """Trains one system, then (``frozen``) or at the same time (``joint``) a decoder of classes.

    Frozen, the system learns link prediction alone; with the weights of its last round it then
    runs once along the stream from an empty memory, and the embeddings it gives to the sources
    train the decoder, as TGN and TGL do; links are validated and not tested. Joint, the losses of
    links and classes are added.

    Of frozen embeddings the weights of the last round and of the best decoder are kept, without
    node memory: that begins empty.
    """

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
        check_options("task.decoder", DecoderTraining, decoder, given=(), may_lack=False)
        self.decoder = DecoderTraining(**decoder)
        joint = self.method == self._joint
        self.goal = Goal.LINKS_AND_NODE_CLASSES if joint else Goal.LINKS

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
        metric = self.primary_metric
        system = build_system(experiment, dataset, protocol, processes, self.goal)
        readout = self.readout(system, dataset, protocol, experiment.batch_size, {})
        training = Training(
            system, readout.evaluate, metric, folder, processes, self.log_interval,
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
        readout = LinkReadout(system, dataset, protocol, batch_size)
        training = Training(
            system, readout.evaluate, metric, folder, processes, self.log_interval, test=False,
            evaluate_every=experiment.evaluate_every, keep=False,
        )  # fmt: skip
        progress = training.run()
        report = partial(folder.heartbeat, processes.rank)
        sharing = Sharing(
            processes.rank, processes.world_size, processes.sum, partial(report, "embed")
        )
        embeddings = embed_stream(embedder, dataset, batch_size, sharing)
        close(system, processes)
        decoder, best = train_decoder(
            embeddings,
            dataset,
            self.primary_metric,
            self.decoder,
            experiment.seed,
            partial(report, "decode"),
        )
        if processes.rank == 0:
            embedder.restart()
            kept = {"system": system.evaluation_state(), "decoder": decoder.state_dict()}
            write_best(folder, kept, best)
        result = outcome(experiment, dataset, system, progress, processes, metric)
        metrics = best | result["metrics"]
        return result | {"metrics": metrics, "primary_metric": self.primary_metric}

    def readout(
        self,
        system: System,
        dataset: Dataset,
        protocol: LinkProtocol,
        batch_size: int,
        kept: Mapping[str, Any],
    ) -> Readout:
        """The logits of the classes of sources."""
        if self.method == self._joint:
            return ClassReadout(as_classifier(system), dataset, batch_size)
        return DecodedReadout(as_embedder(system), dataset, batch_size, kept["decoder"])
