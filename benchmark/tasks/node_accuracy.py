"""Link prediction with the accuracy of every node."""

from torch import Tensor

from benchmark.datasets.dataset import Dataset, SplitName
from benchmark.protocol.evaluator import OnScores
from benchmark.protocol.metrics import Row, node_ranks, write_rows
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.link_prediction import LinkPrediction


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
