"""A small pre-training of static node memory."""

from functools import partial
from pathlib import Path

import torch

from benchmark.datasets.dataset import Dataset, Split
from benchmark.disttgl.pretraining import Pretrained, pretrain, training_part
from benchmark.disttgl.table_trainer import Pretraining, TableTrainer, first_rows
from benchmark.models.tgn_attention import TGNAttention
from tests.disttgl.small import PROTOCOL
from tests.models.streams import random_dataset

CPU = torch.device("cpu")
MODEL = partial(
    TGNAttention, memory_dim=6, time_dim=5, embedding_dim=8, num_neighbors=4, num_heads=2
)
SETTINGS = Pretraining(
    epochs=2,
    patience=2,
    learning_rate=1e-2,
    table_learning_rate=2e-2,
    held_out=0.1,
    batch_size=50,
    num_negatives=1,
    protocol=PROTOCOL,
    seed=0,
)


def trained(
    dataset: Dataset, settings: Pretraining = SETTINGS, checkpoint: Path | None = None
) -> Pretrained:
    return pretrain(dataset, MODEL, settings, CPU, lambda *report: None, checkpoint)


def table_trainer(dataset: Dataset, settings: Pretraining = SETTINGS) -> TableTrainer:
    part, seen = training_part(dataset)
    network = MODEL(edge_features=part.stream.msg)
    return TableTrainer(part, network, first_rows(seen, network.node_dim, 0), settings)


def small_dataset() -> Dataset:
    """300 events, 215 of them for training, among 28 of 30 nodes."""
    return random_dataset(seed=1, num_events=300, num_nodes=30, split=Split(215, 258, 300))


class InterruptionError(Exception):
    """What ends a pre-training on the way."""
