"""What systems that train on one device demand."""

from collections.abc import Mapping
from typing import Any

from benchmark.parallelism import Parallelism


def demand_one_device(system: str, parallelism: Parallelism, num_processes: int) -> None:
    """Raises ValueError, naming ``system``, unless there is one trainer on one process."""
    if parallelism.num_trainers != 1 or num_processes != 1:
        raise ValueError(
            f"system {system} trains on one device and needs parallelism 1x1x1 on 1 process,"
            f" not {parallelism} on {num_processes};"
            " choose system=disttgl for more trainers"
        )


class OneDevice:
    """A system that refuses more than one trainer before anything starts."""

    name: str

    @classmethod
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """As ``benchmark.system.System.check``."""
        demand_one_device(cls.name, parallelism, num_processes)
