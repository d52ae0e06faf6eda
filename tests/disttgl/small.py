"""A small training job, with everything about it that can be varied."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmark.datasets.dataset import Dataset, Split
from benchmark.disttgl.system import DistTGLSystem
from benchmark.graph.past import Visibility
from benchmark.models.contract import TemporalModel
from benchmark.models.tgn_attention import TGNAttention
from benchmark.parallelism import Parallelism
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool
from benchmark.training.processes import Processes
from benchmark.training.system import Job, TrainingSettings
from tests.models.streams import random_dataset

BATCH_SIZE = 10

PROTOCOL = LinkProtocol(
    name="small",
    visibility=Visibility.EVENT,
    num_negatives=9,
    negative_pool=NegativePool.NODES,
    seed=0,
    primary_metric="mrr",
)

TRAINING = TrainingSettings(
    epochs=1_000,
    batch_size=BATCH_SIZE,
    learning_rate=1e-3,
    seed=0,
    parallelism=Parallelism(),
    device=torch.device("cpu"),
)

# An odd width, so that rows of memory do not start at multiples of eight bytes.
MODEL = {"memory_dim": 7, "time_dim": 6, "embedding_dim": 8, "num_neighbors": 4, "num_heads": 2}


def small_dataset(edge_dim: int = 3) -> Dataset:
    """210 events, 135 of them for training: the last training batch is half full."""
    return random_dataset(
        seed=1, num_events=210, num_nodes=30, edge_dim=edge_dim, split=Split(135, 175, 210)
    )


def small_job(
    parallelism: str = "1x1x1",
    processes: Processes = Processes(),  # noqa: B008 - frozen
    *,
    dataset: Dataset | None = None,
    protocol: LinkProtocol = PROTOCOL,
    network: Callable[..., TemporalModel] = TGNAttention,
    model: dict[str, Any] | None = None,
    **training: Any,
) -> Job:
    """What a small system is given; ``model`` and ``training`` change hyper-parameters."""
    if network is TGNAttention:
        network = partial(network, **(MODEL | (model or {})))
    settings = replace(TRAINING, parallelism=Parallelism.parse(parallelism), **training)
    return Job(dataset or small_dataset(), protocol, network, settings, processes)


def small_system(
    parallelism: str = "1x1x1",
    processes: Processes = Processes(),  # noqa: B008 - frozen
    *,
    precision: str = "float64",
    node_memory: str = "replica",
    gradient_sum: str = "overlapped",
    learning_rate_scale: str = "linear",
    last_training_events: int | None = None,
    **job: Any,
) -> DistTGLSystem:
    """A small DistTGL; ``job`` as ``small_job``."""
    return DistTGLSystem(
        small_job(parallelism, processes, **job),
        sampler="strict",
        num_training_negatives=1,
        loss="softmax",
        learning_rate_scale=learning_rate_scale,
        precision=precision,
        node_memory=node_memory,
        gradient_sum=gradient_sum,
        last_training_events=last_training_events,
    )
