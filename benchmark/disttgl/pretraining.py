"""The static node memory (DistTGL, section 3.1): pre-trained, or as it was put into the cache."""

import hashlib
import inspect
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, Split, Stream
from benchmark.disttgl.table_trainer import Pretraining, TableTrainer, first_rows
from benchmark.machine.device import reachable
from benchmark.models.contract import TemporalModel
from benchmark.randomness import seeded
from benchmark.storage.files import discard, seal, sealed
from benchmark.storage.prepared import prepared_tensors
from benchmark.training.checkpoint import write_state
from benchmark.training.system import ReportProgress

RECIPE = 3  # to be raised when the same settings come to give another table


class Pretrained(NamedTuple):
    """A static node memory: ``rows`` float32 [num_nodes, node_dim], on the CPU.

    ``unknown`` [node_dim] is the row of every node that was not trained. ``losses`` and ``mrrs``
    [epochs] are the mean training loss and the mean reciprocal rank on held-out events after each
    epoch; the rows are those of the best. ``seconds`` is how long it took.
    """

    rows: Tensor
    unknown: Tensor
    losses: Tensor
    mrrs: Tensor
    seconds: float

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, that the rows are from."""
        return int(self.mrrs.argmax()) + 1

    @property
    def summary(self) -> dict[str, float]:
        """What the record says of it, beside its seconds."""
        best = self.mrrs.max().item()
        return {"epochs": len(self.mrrs), "best_epoch": self.best_epoch, "mrr": best}


@dataclass
class Progress:
    """How far pre-training has come, and the table of its best epoch [num_trained, node_dim]."""

    losses: list[float] = field(default_factory=list)
    mrrs: list[float] = field(default_factory=list)
    seconds: float = 0.0
    table: Tensor | None = None

    @property
    def epochs(self) -> int:
        return len(self.mrrs)

    @property
    def best_epoch(self) -> int:
        """The first epoch, counted from 1, that none was better than; 0 before the first."""
        return self.mrrs.index(max(self.mrrs)) + 1 if self.mrrs else 0

    def ended(self, settings: Pretraining) -> bool:
        """Whether the last epoch was trained, or too many have passed since the best."""
        waited = self.epochs - self.best_epoch
        return self.epochs >= settings.epochs or waited >= settings.patience


def training_part(dataset: Dataset) -> tuple[Dataset, Tensor]:
    """The training events as a data set of their own, and its nodes: their ids in ``dataset``.

    Nodes are numbered anew and destinations are those of training events, so that nothing in it
    depends on what comes after the training split.
    """
    stream, end = dataset.stream, dataset.split.train_end
    seen, rows = torch.unique(torch.cat([stream.src[:end], stream.dst[:end]]), return_inverse=True)
    src, dst = rows.chunk(2)
    features = dataset.node_features
    part = replace(
        dataset,
        stream=Stream(src=src, dst=dst, t=stream.t[:end], msg=stream.msg[:end]),
        num_nodes=seen.numel(),
        split=Split(end, end, end),
        node_features=None if features is None else features[seen],
    )
    return part, seen


def pretrain(
    dataset: Dataset,
    model: Callable[..., TemporalModel],
    settings: Pretraining,
    device: torch.device,
    report: ReportProgress,
    checkpoint: Path | None = None,
) -> Pretrained:
    """Train a table of node embeddings in the place of node memory, on the training events only.

    Task, network and loss are those of the main training; batches are random instead of
    chronological, and a neighbour must be older than the event that asks. Later training events
    do shape what earlier ones see, as the authors accept. A random share of the training events is
    held out: it trains nothing, says when a plateau is reached and which epoch's table is kept, so
    that no event after the training split takes part in any way. Nodes without an event that
    trains share one row, the mean of the others. Keyed by the seed: the same settings give the
    same table, also where it goes on from ``checkpoint``, written after each epoch.
    """
    part, seen = training_part(dataset)
    with seeded(device, settings.seed, "static memory"):
        network = model(edge_features=part.stream.msg, node_features=part.node_features)
    network.edge_features = reachable("edge features", network.edge_features, device)
    table = first_rows(seen, network.node_dim, settings.seed)
    trainer = TableTrainer(part, network.to(device), table.to(device), settings)
    progress = _resumed(trainer, checkpoint)
    while not progress.ended(settings):
        start = time.perf_counter()
        progress.losses.append(trainer.train_epoch(progress.epochs, report))
        if not math.isfinite(progress.losses[-1]):
            raise ValueError(_diverged(dataset, progress))
        progress.mrrs.append(trainer.mean_reciprocal_rank())
        if progress.best_epoch == progress.epochs:
            progress.table = trainer.table.detach().cpu().clone()
        progress.seconds += time.perf_counter() - start
        _save(trainer, progress, checkpoint)
    assert progress.table is not None
    trained = trainer.trained_nodes
    rows = progress.table[trained]
    unknown = rows.mean(dim=0)
    everyone = unknown.repeat(dataset.num_nodes, 1)
    everyone[seen[trained]] = rows
    losses, mrrs = torch.tensor(progress.losses), torch.tensor(progress.mrrs)
    return Pretrained(everyone, unknown, losses, mrrs, progress.seconds)


def _diverged(dataset: Dataset, progress: Progress) -> str:
    cause = dataset.flaw_of_features() or (
        "lower system.static_memory_learning_rate or system.static_memory_table_learning_rate"
    )
    return (
        f"the loss of static memory is {progress.losses[-1]} in epoch {len(progress.losses)}; the "
        f"last good one is epoch {progress.epochs}; {cause}"
    )


def _save(trainer: TableTrainer, progress: Progress, checkpoint: Path | None) -> None:
    if checkpoint is None:
        return
    state = {
        "weights": trainer.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "progress": vars(progress),
    }
    name = f"epoch-{progress.epochs:06d}.pt"
    sha256 = write_state(checkpoint / name, state, "cache_dir")
    seal(checkpoint, sha256={name: sha256})
    for old in checkpoint.glob("*.pt"):
        if old.name != name:
            discard(old)


def _resumed(trainer: TableTrainer, checkpoint: Path | None) -> Progress:
    """What ``checkpoint`` holds, taken into ``trainer``; from the start where nothing whole is."""
    if checkpoint is None or not checkpoint.exists():
        return Progress()
    try:
        (name,) = sealed(checkpoint)["sha256"]
    except ValueError as error:
        print(f"{error}: pre-training starts over", file=sys.stderr, flush=True)
        discard(checkpoint)
        return Progress()
    state = torch.load(checkpoint / name, map_location=trainer.device, weights_only=True)
    trainer.load_state_dict(state["weights"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    progress = Progress(**state["progress"])
    assert progress.table is not None
    progress.table = progress.table.cpu()
    return progress


def pretrained_rows(
    dataset: Dataset,
    model: Callable[..., TemporalModel],
    settings: Pretraining,
    device: torch.device,
    cache: Path | None,
    report: ReportProgress,
) -> Pretrained:
    """The table of ``pretrain``, computed once for all runs that share ``cache``.

    Of several processes on one machine one computes and the others wait. Where it is interrupted,
    the next run goes on from its last epoch.
    """
    if cache is None:
        return pretrain(dataset, model, settings, device, report)
    identity = identity_of(dataset, model, settings)
    folder = cache / "static_memory" / f"{dataset.name}-{identity}"
    checkpoint = folder.with_name(f"{folder.name}.checkpoint")
    saved = prepared_tensors(
        folder, lambda: _pack(pretrain(dataset, model, settings, device, report, checkpoint))
    )
    discard(checkpoint)
    seconds = saved.pop("seconds").item()
    return Pretrained(**saved, seconds=seconds)


def identity_of(
    dataset: Dataset, model: Callable[..., TemporalModel], settings: Pretraining
) -> str:
    """Hexadecimal digits that name everything that a static memory is made from.

    These are the contents of the training events and of node features, the network with its
    hyper-parameters, and how it is trained; the device is not part of it.
    """
    stream, end = dataset.stream, dataset.split.train_end
    network = model.func if isinstance(model, partial) else model
    parts = {
        "recipe": RECIPE,
        "num_nodes": dataset.num_nodes,
        "bipartite": dataset.bipartite,
        "network": f"{network.__module__}.{network.__qualname__}{inspect.signature(model)}",
        **settings.identity(),
    }
    digest = hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8)
    tensors = [column[:end] for column in (stream.src, stream.dst, stream.t, stream.msg)]
    if dataset.node_features is not None:
        tensors.append(dataset.node_features)
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def _pack(pretrained: Pretrained) -> dict[str, Tensor]:
    seconds = torch.tensor(pretrained.seconds, dtype=torch.float64)
    return pretrained._asdict() | {"seconds": seconds}
