"""What identifies one experiment: its names, its hash, its folder."""

import hashlib
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

# Where an experiment runs and who watches it; none of it changes what is computed.
NOT_IDENTITY = (
    "suite",
    "seeds",
    "command",
    "results_dir",
    "datasets_root",
    "cache_dir",
    "time_limit_minutes",
    "heartbeat_seconds",
    "evaluation_mebibytes",
    "wandb",
)
HASH_LENGTH = 8
SUITE_PACKAGES = ("benchmark", "baselines")


def name_of(experiment: DictConfig, group: str) -> str:
    """The name of what was chosen: the one it gives itself, its file's, or that of its class."""
    chosen = str(experiment.choices[group])
    if chosen == "custom":
        return str(experiment[group]._target_).rpartition(".")[2]
    return str(experiment[group].get("name") or chosen)


def hash_of(experiment: DictConfig) -> str:
    """Eight hexadecimal digits that name everything that defines the experiment.

    The code of the suite is not part of it; that of a network of one's own is, so that no result
    or checkpoint of an earlier version is taken for one of the present.
    """
    text = settings_without(experiment).encode() + own_source(experiment)
    return hashlib.sha256(text).hexdigest()[:HASH_LENGTH]


def own_source(experiment: DictConfig) -> bytes:
    """The file of a network that is not the suite's; nothing where it is, or cannot be found."""
    module = str(experiment.model.get("_target_", "")).rpartition(".")[0]
    if not module or module.partition(".")[0] in SUITE_PACKAGES:
        return b""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return b""  # the worker says what is wrong with it
    return Path(spec.origin).read_bytes() if spec and spec.origin else b""


def settings_without(experiment: DictConfig, *left_out: str) -> str:
    """What defines the experiment apart from the keys ``left_out`` (dotted), as one text."""
    reduced = OmegaConf.create(experiment)
    for key in (*NOT_IDENTITY, *left_out):
        parent, _, name = key.rpartition(".")
        node = OmegaConf.select(reduced, parent) if parent else reduced
        if node is not None:
            node.pop(name, None)
    return json.dumps(OmegaConf.to_container(reduced), sort_keys=True)


def label_of(experiment: DictConfig) -> str:
    """What a person calls the experiment; the hash of ``folder_of`` tells equal labels apart."""
    degrees = experiment.parallelism
    return (
        f"{name_of(experiment, 'dataset')}-{name_of(experiment, 'system')}"
        f"-{degrees.i}x{degrees.j}x{degrees.k}-seed{experiment.seed}"
    )


def folder_of(experiment: DictConfig) -> Path:
    """The run folder."""
    name = f"{label_of(experiment)}-{hash_of(experiment)}"
    return Path(experiment.results_dir) / experiment.suite.name / name


def threads_of(experiment: DictConfig) -> int:
    """CPU threads of each process."""
    if experiment.threads is not None:
        return int(experiment.threads)
    return max(1, available_cores() // experiment.processes)


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def num_devices(device: str) -> int:
    """How many processes can have a GPU, or where ``device`` means the CPU a core, of their own."""
    if device != "cpu":
        from torch.cuda import device_count  # noqa: PLC0415 - seconds, and only needed here

        if device_count() > 0:
            return device_count()
    return available_cores()


def describe(experiment: DictConfig) -> dict[str, Any]:
    """The fields of ``result.json`` that are known before the experiment runs."""
    degrees = experiment.parallelism
    return {
        "suite": experiment.suite.name,
        **{group: name_of(experiment, group) for group in ("system", "model", "dataset")},
        **{group: name_of(experiment, group) for group in ("task", "protocol")},
        "parallelism": {"i": degrees.i, "j": degrees.j, "k": degrees.k},
        "processes": experiment.processes,
        "emulated": degrees.i * degrees.j * degrees.k > experiment.processes,
        "seed": experiment.seed,
        "epochs": experiment.epochs,
        "batch_size": experiment.batch_size,
        "learning_rate": experiment.learning_rate,
        "visibility": None,
        "command": experiment.command,
    }
