"""A small TGL on the training job of the tests of DistTGL."""

from typing import Any

from benchmark.baselines.tgl import TGLSystem
from benchmark.training.processes import Processes
from tests.disttgl.small import small_job

TRAIN_EVENTS = 135


def tgl_system(
    parallelism: str = "1x1x1",
    processes: Processes = Processes(),  # noqa: B008 - frozen
    *,
    loss: str = "binary",
    learning_rate_scale: str = "none",
    precision: str = "float64",
    num_chunks: int = 1,
    **job: Any,
) -> TGLSystem:
    """``job`` as ``small_job``."""
    return TGLSystem(
        small_job(parallelism, processes, **job),
        sampler="strict",
        loss=loss,
        learning_rate_scale=learning_rate_scale,
        precision=precision,
        num_chunks=num_chunks,
    )


def round_losses(system: TGLSystem) -> list[float]:
    return [step.loss.item() for step in system.train_round()]
