"""What systems that train on one device demand."""

from benchmark.training.processes import Processes
from benchmark.training.system import TrainingSettings


def demand_one_device(system: str, training: TrainingSettings, processes: Processes) -> None:
    """Raises ValueError, naming ``system``, unless there is one trainer on one process."""
    if training.parallelism.num_trainers != 1 or processes.world_size != 1:
        raise ValueError(
            f"system {system} trains on one device and needs parallelism 1x1x1 on 1 process,"
            f" not {training.parallelism} on {processes.world_size};"
            " choose system=disttgl for more trainers"
        )
