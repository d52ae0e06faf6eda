"""Dynamic edge classification: the class or classes of every event before it happens."""

from functools import partial
from typing import Any

from omegaconf import DictConfig

from benchmark.build import build_dataset, build_protocol, build_system
from benchmark.datasets.dataset import Dataset, LabelKind, SplitName
from benchmark.protocol.class_evaluator import MajorityClass, evaluate_classes
from benchmark.record import RunFolder
from benchmark.tasks.demands import as_classifier, demand_labels, demand_metric
from benchmark.tasks.outcome import close, outcome
from benchmark.training.loop import Training
from benchmark.training.processes import Processes
from benchmark.training.system import Goal

SPLITS: tuple[SplitName, ...] = ("validation", "test")


class EdgeClassification:
    """Trains one system end to end on the classes of events, as DistTGL on GDELT.

    The record also holds what ``MajorityClass`` reaches.
    """

    def __init__(self, name: str, log_interval: int, primary_metric: str) -> None:
        self.name = name
        self.log_interval = log_interval
        self.primary_metric = primary_metric

    def run(
        self, experiment: DictConfig, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Train all epochs; returns what the record takes from training."""
        dataset = build_dataset(experiment)
        demand_labels(experiment, dataset, (LabelKind.EDGE, LabelKind.MULTI_EDGE))
        demand_metric(dataset, self.primary_metric)
        protocol = build_protocol(experiment)
        system = build_system(experiment, dataset, protocol, processes, Goal.EDGE_CLASSES)
        classifier = as_classifier(experiment, system)
        evaluate = partial(evaluate_classes, classifier, dataset, batch_size=experiment.batch_size)
        progress = Training(
            system, evaluate, self.primary_metric, folder, processes, self.log_interval
        ).run()
        close(system, processes)
        result = outcome(experiment, dataset, system, progress, processes, self.primary_metric)
        return result | {
            "metrics": result["metrics"] | majority_metrics(dataset, experiment.batch_size)
        }


def majority_metrics(dataset: Dataset, batch_size: int) -> dict[str, float]:
    """The metrics of ``MajorityClass`` on validation and test."""
    majority = MajorityClass(dataset)
    return {
        f"{split}_{name}_majority": value
        for split in SPLITS
        for name, value in evaluate_classes(majority, dataset, split, batch_size).items()
        if name != "num_events"
    }
