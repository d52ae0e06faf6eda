"""Temporal link prediction: every event's true destination among candidates.

Also as a measurement of the accuracy of every node.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from benchmark.datasets.dataset import Dataset, SplitName
from benchmark.experiment import Experiment
from benchmark.protocol.evaluator import OnScores
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import Row, node_ranks, write_rows
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.tasks.readout import LinkReadout
from benchmark.tasks.task import TrainedTask, close, outcome
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


class NodeAccuracy(LinkPrediction):
    """Link prediction whose record gains ``nodes.csv``, the accuracy of every node.

    DistTGL's Figure 5 compares two such records: one of static node memory only
    (``model=tgat_one_layer``, TGN-attn without its dynamic memory, with
    ``system.static_memory=pretrained``), and one of dynamic node memory only
    (``model=tgn_attention`` with ``system.static_memory=off``).
    """

    def __init__(self, name: str, log_interval: int) -> None:
        super().__init__(name, log_interval, test=True)

    def on_scores(self, dataset: Dataset, folder: RunFolder) -> OnScores:
        """Writes the rows of a test with those of the validation before, the best so far."""
        rows: dict[SplitName, list[Row]] = {}

        def take(split: SplitName, scores: Tensor, num_negatives: Tensor) -> None:
            rows[split] = node_ranks(dataset, split, scores, num_negatives)
            if split == "test":  # only a new best is tested, so that the last file is the best's
                write_rows(folder.path / "nodes.csv", rows["validation"] + rows["test"])

        return take
