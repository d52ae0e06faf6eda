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
from benchmark.disttgl.pretraining import Pretrained, Pretraining, pretrain
from benchmark.models.contract import TemporalModel
from benchmark.storage.prepared import prepared_tensors
from benchmark.training.system import ReportProgress

RECIPE = 2  # to be raised when the same settings come to give another table
STATIC_MEMORY = ("off", "pretrained")


def uses_static_memory(choice: str) -> bool:
    """Whether the value of ``system.static_memory`` asks for one."""
    if choice not in STATIC_MEMORY:
        raise ValueError(
            f"system.static_memory is {choice!r}; it must be 'off' or 'pretrained' (with the quotes"
            " in a yaml file, where a bare off means false)."
        )
    return choice == "pretrained"


def pretrained_rows(
    dataset: Dataset,
    model: Callable[..., TemporalModel],
    settings: Pretraining,
    device: torch.device,
    cache: Path | None,
    report: ReportProgress,
) -> Pretrained:
    """The table of ``pretrain``, computed once for all runs that share ``cache``.

    Of several processes on one machine one computes and the others wait.
    """

    def compute() -> Pretrained:
        return pretrain(dataset, model, settings, device, report)

    if cache is None:
        return compute()
    identity = identity_of(dataset, model, settings)
    folder = cache / "static_memory" / f"{dataset.name}-{identity}"
    saved = prepared_tensors(folder, lambda: _pack(compute()))
    return Pretrained(saved["rows"], saved["losses"], saved["seconds"].item())


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
    rows, losses, seconds = pretrained
    seconds_column = torch.tensor(seconds, dtype=torch.float64)
    return {"rows": rows, "losses": losses, "seconds": seconds_column}
