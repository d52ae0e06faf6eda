"""Dynamic edge classification: the class or classes of every event before it happens."""

from collections.abc import Mapping
from typing import Any

from benchmark.datasets.dataset import Dataset, LabelKind, SplitName
from benchmark.errors import choose
from benchmark.experiment import Experiment
from benchmark.protocol.evaluator import MajorityClass, evaluate_classes
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.walk import EventClassifier
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.tasks.outcome import close, outcome
from benchmark.tasks.readout import ClassReadout
from benchmark.tasks.requirements import (
    CLASS_METRICS,
    as_classifier,
    require_labels,
    require_metric,
)
from benchmark.tasks.task import TrainedTask
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
