"""The words that the options of DistTGL can be, and what they stand for."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from benchmark.disttgl.gradients import GRADIENT_SUMS
from benchmark.disttgl.loss import LINK_OBJECTIVES
from benchmark.disttgl.memory.registry import NODE_MEMORIES
from benchmark.disttgl.schedule import SCHEDULES
from benchmark.disttgl.static_memory import uses_static_memory
from benchmark.errors import choose
from benchmark.graph.samplers import RECENT_SAMPLERS

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
LEARNING_RATE_SCALES: dict[str, Callable[[int], float]] = {
    "linear": float,
    "none": lambda num_trainers: 1.0,
}
CHOICES: dict[str, Mapping[str, Any]] = {
    "sampler": RECENT_SAMPLERS,
    "loss": {**LINK_OBJECTIVES, "auto": None},
    "learning_rate_scale": LEARNING_RATE_SCALES,
    "precision": PRECISIONS,
    "node_memory": NODE_MEMORIES,
    "gradient_sum": GRADIENT_SUMS,
    "schedule": SCHEDULES,
}


def check_schedule(schedule: str, num_processes: int) -> None:
    """Raises ValueError for the first forms on several processes."""
    if schedule == "first" and num_processes > 1:
        raise ValueError(
            "system.schedule=first hands batches from trainer to trainer and runs on one "
            f"process, not on {num_processes}: set processes=1."
        )


def check_options(options: Mapping[str, Any], num_processes: int) -> None:
    """Raises ValueError for an unknown word, or a schedule that the processes cannot run."""
    for option, choices in CHOICES.items():
        choose(f"system.{option}", options[option], choices)
    uses_static_memory(options["static_memory"])
    check_schedule(options["schedule"], num_processes)
