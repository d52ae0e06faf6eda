"""A small TGL on the training job of the tests of DistTGL."""

from dataclasses import replace
from functools import partial
from typing import Any

from benchmark.baselines.tgl import TGLSystem
from benchmark.datasets.dataset import Dataset
from benchmark.models.tgn_attention import TGNAttention
from benchmark.parallelism import Parallelism
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.training.processes import Processes
from tests.disttgl.small import MODEL, PROTOCOL, TRAINING, small_dataset

TRAIN_EVENTS = 135


def tgl_system(
    parallelism: str = "1x1x1",
    processes: Processes = Processes(),  # noqa: B008 - frozen
    *,
    dataset: Dataset | None = None,
    protocol: LinkProtocol = PROTOCOL,
    loss: str = "binary",
    learning_rate_scale: str = "none",
    precision: str = "float64",
    num_chunks: int = 1,
    model: dict[str, Any] | None = None,
    **training: Any,
) -> TGLSystem:
    """``model`` and ``training`` change hyper-parameters and settings."""
    return TGLSystem(
        dataset=dataset or small_dataset(),
        protocol=protocol,
        model=partial(TGNAttention, **(MODEL | (model or {}))),
        training=replace(TRAINING, parallelism=Parallelism.parse(parallelism), **training),
        processes=processes,
        sampler="strict",
        loss=loss,
        learning_rate_scale=learning_rate_scale,
        precision=precision,
        num_chunks=num_chunks,
    )


def round_losses(system: TGLSystem) -> list[float]:
    return [step.loss.item() for step in system.train_round()]
