"""Temporal link prediction: every event's true destination among candidates."""

from collections.abc import Mapping
from typing import Any

from benchmark.datasets.dataset import Dataset
from benchmark.experiment import Experiment
from benchmark.protocol.evaluator import OnScores
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.tasks.outcome import close, outcome
from benchmark.tasks.readout import LinkReadout
from benchmark.tasks.task import TrainedTask
from benchmark.training.loop import Training
from benchmark.training.processes import Processes
from benchmark.training.system import Goal, System


class LinkPrediction(TrainedTask):
    """Trains and evaluates one system (docs/protocol.md)."""

    goal = Goal.LINKS

    def __init__(self, name: str, log_interval: int, test: bool = True) -> None:
        self.name = name
        self.log_interval = log_interval
        self.test = test

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Train all epochs; returns what the record takes from training."""
        dataset = build_dataset(experiment)
        protocol = build_protocol(experiment)
        system = build_system(experiment, dataset, protocol, processes)
        metric = protocol.primary_metric
        on_scores = self.on_scores(dataset, folder) if processes.rank == 0 else None
        readout = LinkReadout(system, dataset, protocol, experiment.batch_size, on_scores)
        training = Training(
            system, readout.evaluate, metric, folder, processes, self.log_interval, self.test,
            experiment.evaluate_every,
        )  # fmt: skip
        progress = training.run()
        close(system, processes)
        return outcome(experiment, dataset, system, progress, processes, metric)

    def readout(
        self,
        system: System,
        dataset: Dataset,
        protocol: LinkProtocol,
        batch_size: int,
        kept: Mapping[str, Any],
    ) -> LinkReadout:
        """The scores of links."""
        return LinkReadout(system, dataset, protocol, batch_size)

    def on_scores(self, dataset: Dataset, folder: RunFolder) -> OnScores | None:
        """What else is told all scores of a split; nothing, where the metrics are all it takes."""
        return None
