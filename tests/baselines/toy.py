"""A small stream with something to learn, and systems that train on it."""

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import TemporalData

from benchmark.baselines.tgn import TGNSystem
from benchmark.baselines.tgn_parts import TGN
from benchmark.datasets.dataset import Dataset, Source, Split
from benchmark.graph.past import Visibility
from benchmark.parallelism import Parallelism
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool
from benchmark.training.processes import Processes
from benchmark.training.system import Job, TrainingSettings

NUM_SOURCES, NUM_DESTINATIONS, NUM_GROUPS = 24, 24, 6
NUM_EVENTS, TRAIN_END, VALIDATION_END = 600, 420, 510

PROTOCOL = LinkProtocol(
    name="toy",
    visibility=Visibility.BATCH,
    num_negatives=15,
    negative_pool=NegativePool.DESTINATIONS,
    seed=0,
    primary_metric="mrr",
)

MODEL = {"memory_dim": 16, "time_dim": 8, "embedding_dim": 16}

TRAINING = TrainingSettings(
    epochs=2,
    batch_size=50,
    learning_rate=1e-3,
    seed=0,
    parallelism=Parallelism(),
    device=torch.device("cpu"),
)


def toy_stream(edge_dim: int = NUM_GROUPS, seed: int = 0) -> TemporalData:
    """Sources meet destinations of their own group only; a feature names the group."""
    generator = torch.Generator().manual_seed(seed)
    src = torch.randint(NUM_SOURCES, (NUM_EVENTS,), generator=generator)
    group = src % NUM_GROUPS
    member = torch.randint(NUM_DESTINATIONS // NUM_GROUPS, (NUM_EVENTS,), generator=generator)
    dst = NUM_SOURCES + group + NUM_GROUPS * member
    t = torch.randint(1, 100, (NUM_EVENTS,), generator=generator).cumsum(0)
    msg = torch.nn.functional.one_hot(group, NUM_GROUPS).float()[:, :edge_dim]
    return TemporalData(src=src, dst=dst, t=t, msg=msg)


def toy_dataset(stream: TemporalData) -> Dataset:
    return Dataset(
        name="toy",
        stream=stream,
        num_nodes=NUM_SOURCES + NUM_DESTINATIONS,
        bipartite=True,
        split=Split(TRAIN_END, VALIDATION_END, NUM_EVENTS),
        source=Source("built in code", {}),
    )


def toy_system(
    dataset: Dataset | None = None,
    *,
    processes: Processes = Processes(),  # noqa: B008 - frozen
    model: dict[str, int] | None = None,
    precision: str = "float32",
    **training: Any,
) -> TGNSystem:
    """A small TGN; ``model`` and ``training`` change its hyper-parameters and settings."""
    network = partial(TGN, **(MODEL | (model or {})))
    settings = replace(TRAINING, **training)
    dataset = dataset or toy_dataset(toy_stream())
    return TGNSystem(Job(dataset, PROTOCOL, network, settings, processes), precision)


def candidates_for(num_events: int, num_candidates: int = 9) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    shape = (num_events, num_candidates)
    return NUM_SOURCES + torch.randint(NUM_DESTINATIONS, shape, generator=generator)
