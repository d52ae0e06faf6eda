"""Small runs of every system, finished in this process."""

import time
from importlib.util import find_spec
from pathlib import Path

import torch

from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.runner.compose import compose_settings
from benchmark.runner.workers import worker
from benchmark.training.processes import Processes

SMALL = [
    "dataset.num_nodes=60",
    "dataset.num_events=600",
    "dataset.edge_dim=3",
    "protocol.num_negatives=5",
    "epochs=3",
    "batch_size=40",
    "learning_rate=1e-2",
    "device=cpu",
]
NETWORK = ["model.memory_dim=8", "model.time_dim=4", "model.embedding_dim=8"]
DISTTGL = ["system=disttgl", *NETWORK]
RUNS = {
    "one trainer": DISTTGL,
    "two epochs at once": [*DISTTGL, "parallelism.j=2"],
    "two memories": [*DISTTGL, "parallelism.k=2", "epochs=4"],
    "a daemon": [*DISTTGL, "parallelism=2x1x2", "system.node_memory=daemon"],
    "sharded memory": [*DISTTGL, "parallelism.i=2", "system.node_memory=sharded"],
    "static memory": [
        *DISTTGL,
        "system.static_memory=pretrained",
        "system.static_memory_epochs=1",
        "epochs=1",
    ],
    "within a round": [*DISTTGL, "evaluate_every=4"],
    "a mailbox": ["system=disttgl", "model=apan", "epochs=1"],
    "pairs": [
        *["system=disttgl", "model=dygformer", "epochs=1", "protocol=tgn"],
        *["model.node_dim=4", "model.time_dim=4", "model.channel_dim=4", "model.embedding_dim=4"],
        "model.sequence_length=4",
    ],
    "without a test": [*DISTTGL, "task.test=false", "epochs=1"],
    "node classes": [*DISTTGL, "task=node_classification", "task.decoder.epochs=3"],
    "links and node classes": [
        *DISTTGL,
        "task=node_classification",
        "task.embeddings=joint",
    ],
    "TGL": ["system=tgl", *NETWORK, "parallelism.i=2"],
    "PyG": ["system=tgn", "epochs=2"],
    "EdgeBank": ["system=edgebank"],
}
if find_spec("tgm"):
    RUNS["TGM"] = ["system=tgm", "epochs=2"]


def experiment_in(path: Path, words: list[str]) -> Experiment:
    keys = {word.partition("=")[0] for word in words}
    foreign = "dataset." if "dataset" in keys else "none"
    small = [word for word in SMALL if word.partition("=")[0] not in keys]
    small = [word for word in small if not word.startswith(foreign)]
    places = [f"results_dir={path}", f"cache_dir={path / 'cache'}", "threads=1"]
    return Experiment.from_config(compose_settings([*small, *places, *words]))


def table_experiment(path: Path, *words: str) -> Experiment:
    """An experiment on the user's own file."""
    return experiment_in(path.parent, ["dataset=table", f"dataset.path={path}", *words])


def finish(experiment: Experiment) -> RunFolder:
    """Run it in this process."""
    folder = experiment.folder
    folder.prepare(experiment.config())
    torch.set_num_threads(1)
    worker._run(experiment, folder, Processes(), time.monotonic())
    return folder


def metrics_of(folder: RunFolder) -> dict[str, float]:
    result = folder.result()
    assert result is not None
    metrics: dict[str, float] = result["metrics"]
    return metrics


def recorded(folder: RunFolder, split: str) -> dict[str, float]:
    """What the record says of one split, beside the best again and the floor."""
    return {
        name: value
        for name, value in metrics_of(folder).items()
        if name.startswith(f"{split}_") and not name.endswith(("_best", "_majority"))
    }
