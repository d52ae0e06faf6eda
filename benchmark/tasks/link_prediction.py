"""Temporal link prediction: every event's true destination among candidates.

Also as a measurement of the accuracy of every node.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from benchmark.datasets.dataset import SplitName
from benchmark.protocol.evaluator import OnScores
from benchmark.protocol.metrics import Row, node_ranks, write_rows
from benchmark.tasks.readout import LinkReadout
from benchmark.tasks.task import TrainedTask, Trial
from benchmark.training.system import Goal


class LinkPrediction(TrainedTask):
    """Trains and evaluates one system (docs/protocol.md)."""

    goal = Goal.LINKS

    def __init__(self, name: str, log_interval: int, test: bool = True) -> None:
        super().__init__(name, log_interval)
        self.test = test

    def validation(self, trial: Trial) -> tuple[LinkReadout, str]:
        """The scores of links and the protocol's metric."""
        on_scores = self.on_scores(trial) if trial.processes.rank == 0 else None
        return trial.links(on_scores), trial.protocol.primary_metric

    def readout(self, trial: Trial, kept: Mapping[str, Any]) -> LinkReadout:
        """The scores of links."""
        return trial.links()

    def on_scores(self, trial: Trial) -> OnScores | None:
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

    def on_scores(self, trial: Trial) -> OnScores:
        """Writes the rows of a test with those of the validation before, the best so far."""
        rows: dict[SplitName, list[Row]] = {}

        def take(split: SplitName, scores: Tensor, num_negatives: Tensor) -> None:
            rows[split] = node_ranks(trial.dataset, split, scores, num_negatives)
            if split == "test":  # only a new best is tested, so that the last file is the best's
                write_rows(trial.folder.path / "nodes.csv", rows["validation"] + rows["test"])

        return take
