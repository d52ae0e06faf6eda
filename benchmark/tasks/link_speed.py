"""Link prediction as a measurement of speed."""

from typing import Any

from hydra.utils import get_class
from omegaconf import DictConfig

from benchmark.build import build_dataset, build_protocol
from benchmark.models.tgn_attention import TGNAttention
from benchmark.operation_floor import operation_floor
from benchmark.record import RunFolder
from benchmark.tasks.link_prediction import LinkPrediction
from benchmark.training.processes import Processes


class LinkSpeed(LinkPrediction):
    """Link prediction that first says how fast the training could be on this machine.

    The record gains ``operation_floor`` where the model is the one whose operations are counted.
    """

    def run(
        self, experiment: DictConfig, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Count and measure, then train all epochs."""
        floor = {}
        network = experiment.model.get("_target_")
        if network and issubclass(get_class(network), TGNAttention):
            protocol = build_protocol(experiment)
            floor["operation_floor"] = operation_floor(
                experiment, build_dataset(experiment), protocol
            )
        return {**super().run(experiment, folder, processes), **floor}
