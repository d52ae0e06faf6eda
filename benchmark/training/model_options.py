"""The options that systems of a ``TemporalModel`` share, and what their words stand for."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

# Types of weights and node memory, and of the factors of dense products where that is another.
PRECISIONS: dict[str, tuple[torch.dtype, torch.dtype | None]] = {
    "float32": (torch.float32, None),
    "float64": (torch.float64, None),
    "bfloat16": (torch.float32, torch.bfloat16),
    "bfloat16_emulated": (torch.float32, torch.bfloat16),
}
LEARNING_RATE_SCALES: dict[str, Callable[[int], float]] = {
    "linear": float,
    "none": lambda num_trainers: 1.0,
}


@dataclass(frozen=True)
class ModelOptions:
    """The options that these systems share, described in conf/system/disttgl.yaml."""

    sampler: str = "strict"
    loss: str = "auto"
    learning_rate_scale: str = "linear"
    precision: str = "float32"
    num_training_negatives: int = 1
    gradient_sum: str = "overlapped"
