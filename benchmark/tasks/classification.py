"""Dynamic classification: the classes of events before they happen, of nodes when they act."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from benchmark.datasets.dataset import Dataset, LabelKind, SplitName
from benchmark.errors import choose
from benchmark.protocol.evaluator import MajorityClass, evaluate_classes
from benchmark.protocol.metrics import (
    EDGE_METRICS,
    NODE_METRICS,
    has_label,
    metric_names,
    positive_class,
)
from benchmark.protocol.walk import EventClassifier, Sharing, SourceEmbedder
from benchmark.tasks.choices import check_options
from benchmark.tasks.node_decoder import (
    DecodedReadout,
    DecoderTraining,
    embed_stream,
    train_decoder,
)
from benchmark.tasks.readout import ClassReadout, Readout
from benchmark.tasks.task import Task, TrainedTask, Trial
from benchmark.training.checkpoint import staged_best
from benchmark.training.system import Goal, System

CLASS_METRICS = {name: name for name in (*NODE_METRICS, *EDGE_METRICS)}
SPLITS: tuple[SplitName, ...] = ("validation", "test")


class Classification(TrainedTask):
    """Trains one system end to end on classes."""

    def __init__(self, name: str, log_interval: int, primary_metric: str) -> None:
        super().__init__(name, log_interval)
        self.primary_metric = choose("task.primary_metric", primary_metric, CLASS_METRICS)

    def require(self, dataset: Dataset) -> None:
        """Labels, and the metric that they are to be measured by."""
        require_labels(self, dataset)
        require_metric(dataset, self.primary_metric)

    def validation(self, trial: Trial) -> tuple[Readout, str]:
        """The logits of classes and the metric of the task."""
        return self.readout(trial, {}), self.primary_metric

    def readout(self, trial: Trial, kept: Mapping[str, Any]) -> Readout:
        """The logits of classes."""
        system = as_classifier(trial.system)
        return ClassReadout(system, trial.dataset, trial.experiment.batch_size)


class EdgeClassification(Classification):
    """Trains one system end to end on the classes of events, as DistTGL on GDELT.

    The record also holds what ``MajorityClass`` reaches.
    """

    goal = Goal.EDGE_CLASSES
    label_kinds = (LabelKind.EDGE, LabelKind.MULTI_EDGE)
    ability = EventClassifier

    def completed(self, trial: Trial, result: dict[str, Any]) -> dict[str, Any]:
        """The metrics of the majority beside those of the system."""
        majority = majority_metrics(trial.dataset, trial.experiment.batch_size)
        return result | {"metrics": result["metrics"] | majority}


def majority_metrics(dataset: Dataset, batch_size: int) -> dict[str, float]:
    """The metrics of ``MajorityClass`` on validation and test."""
    majority = MajorityClass(dataset)
    return {
        f"{split}_{name}_majority": value
        for split in SPLITS
        for name, value in evaluate_classes(majority, dataset, split, batch_size).items()
        if name != "num_events"
    }


class NodeClassification(Classification):
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
        super().__init__(name, log_interval, primary_metric)
        self.frozen = choose("task.embeddings", embeddings, {"frozen": True, "joint": False})
        check_options("task.decoder", DecoderTraining, decoder, given=(), may_lack=False)
        self.decoder = DecoderTraining(**decoder)
        self.goal = Goal.LINKS if self.frozen else Goal.LINKS_AND_NODE_CLASSES
        self.test = self.keep = not self.frozen

    @property
    def ability(self) -> type:
        """Joint training classifies; a frozen decoder takes embeddings."""
        return SourceEmbedder if self.frozen else EventClassifier

    def validation(self, trial: Trial) -> tuple[Readout, str]:
        """Of classes where they are learned, else of links."""
        if self.frozen:
            return trial.links(), trial.protocol.primary_metric
        return super().validation(trial)

    def readout(self, trial: Trial, kept: Mapping[str, Any]) -> Readout:
        """The logits of the classes of sources."""
        if self.frozen:
            system, batch_size = as_embedder(trial.system), trial.experiment.batch_size
            return DecodedReadout(system, trial.dataset, batch_size, kept["decoder"])
        return super().readout(trial, kept)

    def completed(self, trial: Trial, result: dict[str, Any]) -> dict[str, Any]:
        """The metrics of a decoder of frozen embeddings, and what the metrics are of."""
        if self.frozen:
            metrics = self._decoded(trial) | result["metrics"]
            result |= {"metrics": metrics, "primary_metric": self.primary_metric}
        if trial.dataset.num_classes == 2:
            result |= {"positive_class": positive_class(trial.dataset)}
        return result

    def _decoded(self, trial: Trial) -> dict[str, float]:
        """Train the decoder and keep the best; returns its metrics."""
        experiment, folder, processes = trial.experiment, trial.folder, trial.processes
        system = as_embedder(trial.system)
        report = partial(folder.heartbeat, processes.rank)
        sharing = Sharing(
            processes.rank, processes.world_size, processes.sum, partial(report, "embed")
        )
        embeddings = embed_stream(system, trial.dataset, experiment.batch_size, sharing)
        decoder, best = train_decoder(
            embeddings,
            trial.dataset,
            self.primary_metric,
            self.decoder,
            experiment.seed,
            partial(report, "decode"),
        )
        if processes.rank == 0:
            system.restart()
            state = trial.system.evaluation_state()
            with staged_best(folder, {"system": state, "decoder": decoder.state_dict()}) as keep:
                keep(best)
        return best


def require_labels(task: Task, dataset: Dataset) -> None:
    """Raise ValueError if labels are of another kind or show one class in training."""
    if dataset.label_kind not in task.label_kinds:
        raise ValueError(
            f"task {task.name} needs labels of kind {' or '.join(task.label_kinds)}, and those of "
            f"data set '{dataset.name}' are of kind {dataset.label_kind}; choose another dataset."
        )
    labels = dataset.labels[: dataset.split.train_end]
    known = labels[has_label(labels)]
    several = dataset.label_kind is LabelKind.MULTI_EDGE
    classes = (known.any(0).nonzero() if several else known).unique()
    if len(classes) < 2:
        shown = f"only the class {int(classes)}" if len(classes) else "no class"
        raise ValueError(
            f"the training split of data set '{dataset.name}' shows {shown} in its "
            f"{len(labels)} events, and a classifier needs two; move the boundaries of the split "
            "or use more of the stream."
        )


def require_metric(dataset: Dataset, metric: str) -> None:
    """Raise ValueError if evaluation on ``dataset`` does not give the ``metric``."""
    names = metric_names(dataset.label_kind, dataset.num_classes)
    choose("task.primary_metric", metric, {name: name for name in names})


def as_classifier(system: System) -> EventClassifier:
    """The ``system``, which the runner has checked to be one that classifies."""
    assert isinstance(system, EventClassifier)
    return system


def as_embedder(system: System) -> SourceEmbedder:
    """The ``system``, which the runner has checked to be one that gives its embeddings."""
    assert isinstance(system, SourceEmbedder)
    return system
