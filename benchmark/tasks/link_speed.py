"""Link prediction as a measurement of speed."""

from typing import Any

from benchmark.experiment import Experiment
from benchmark.models.tgn_attention import TGNAttention
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol
from benchmark.tasks.choices import class_of
from benchmark.tasks.link_prediction import LinkPrediction
from benchmark.tasks.roofline import roofline
from benchmark.training.processes import Processes


class LinkSpeed(LinkPrediction):
    """Link prediction that first says how fast the training could be on this machine.

    The record gains ``operation_floor`` where the model is the one whose operations are counted.
    """

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Count and measure, then train all epochs."""
        floor = {}
        network: Any = class_of(experiment, "model")
        if network is not None and issubclass(network, TGNAttention):
            protocol = build_protocol(experiment)
            floor["operation_floor"] = roofline(experiment, build_dataset(experiment), protocol)
        return {**super().run(experiment, folder, processes), **floor}
