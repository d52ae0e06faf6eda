"""The static node memory of an experiment: out of the cache, or pre-trained and put there."""

import hashlib
import inspect
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.disttgl.pretraining import Pretrained, pretrain
from benchmark.disttgl.table_trainer import Pretraining
from benchmark.models.contract import TemporalModel
from benchmark.storage.files import discard
from benchmark.storage.prepared import prepared_tensors
from benchmark.training.system import ReportProgress

RECIPE = 3  # to be raised when the same settings come to give another table
STATIC_MEMORY = ("off", "pretrained")


def uses_static_memory(choice: str) -> bool:
    """Whether the value of ``system.static_memory`` asks for one."""
    if choice not in STATIC_MEMORY:
        raise ValueError(
            f"system.static_memory is {choice!r}; it must be 'off' or 'pretrained' (with the quotes"
            " in a yaml file, where a bare off means false)."
        )
    return choice == "pretrained"


def row_dropout(option: float | None, dataset: Dataset) -> float:
    """How often a node of a training batch is to be taken for unknown.

    Where the option leaves it open, as often as an end of the last training events has no event
    before them; the last are as large a part of the training events as validation and test are of
    all, so that this is known without a look at those. Raises ValueError for what is no share.
    """
    if option is not None:
        if not 0 <= option < 1:
            raise ValueError(
                f"system.static_memory_dropout is {option}; it must be at least 0 and below 1, or "
                "null for the share of new nodes."
            )
        return option
    stream, end = dataset.stream, dataset.split.train_end
    first = end * end // dataset.num_events
    seen = torch.zeros(dataset.num_nodes, dtype=torch.bool)
    seen[stream.src[:first]] = seen[stream.dst[:first]] = True
    last = torch.cat([stream.src[first:end], stream.dst[first:end]])
    return 1 - seen[last].double().mean().item()


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
