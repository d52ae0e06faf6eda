"""From an experiment to the objects it names."""

import os
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.loader import Loader
from benchmark.datasets.transforms import (
    beginning,
    with_class_features,
    with_random_edge_features,
)
from benchmark.errors import UserError
from benchmark.experiment import Experiment, Options
from benchmark.machine.device import choose_device
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.storage.locations import Locations
from benchmark.tasks.choices import check_network
from benchmark.training.processes import Processes
from benchmark.training.system import Goal, Job, System, TrainingSettings


def loader_of(experiment: Experiment) -> Loader:
    """What finds and loads the data set."""
    loader: Loader = instantiate(experiment.dataset, _convert_="all")
    return loader


def locations_of(experiment: Experiment, may_download: bool = True) -> Locations:
    """Where its files are looked for: under ``datasets_root`` (or DATASETS_ROOT) and the cache."""
    root = experiment.datasets_root or os.environ.get("DATASETS_ROOT")
    return Locations(Path(root) if root else None, cache_folder(experiment), may_download)


def build_dataset(experiment: Experiment) -> Dataset:
    """The stream that the experiment is about.

    Raises:
        ValueError: If a file is not the one that ``experiment.content`` tells of.
    """
    dataset = loader_of(experiment).load(locations_of(experiment))
    _check_unchanged(dataset, experiment)
    if experiment.max_events:
        dataset = beginning(dataset, experiment.max_events)
    if experiment.random_edge_features:
        dataset = with_random_edge_features(dataset, experiment.random_edge_features)
    if experiment.class_features is not None:
        dataset = with_class_features(dataset, experiment.class_features)
    return dataset


def _check_unchanged(dataset: Dataset, experiment: Experiment) -> None:
    for name, checksum in experiment.content.get("data", {}).items():
        if dataset.source.files.get(name) != checksum:
            raise ValueError(
                f"{name} of data set '{dataset.name}' is no longer what it was when this run was "
                "planned; run the command again, which makes another run of it."
            )


def build_protocol(experiment: Experiment) -> LinkProtocol:
    """The protocol, which finds published negatives where the data set is found."""
    locations = locations_of(experiment)
    protocol: LinkProtocol = instantiate_with(experiment.protocol, locations=locations)
    return protocol


def provenance(dataset: Dataset) -> dict[str, Any]:
    """What the record says of the files behind a data set, without where they lie."""
    source = dataset.source
    return {
        "files": source.files,
        "moved_rows": source.moved_rows,
        "time_unit": source.time_unit,
        "class_names": list(dataset.class_names),
        "random_edge_features": source.random_edge_features,
    }


def cache_folder(experiment: Experiment) -> Path:
    """Where downloads and everything else that can be made again is kept."""
    return Path(experiment.cache_dir) if experiment.cache_dir else default_cache()


def default_cache() -> Path:
    """The cache of the user; raises ``UserError`` for one without a home."""
    try:
        return Path.home() / ".cache" / "disttgl-benchmark"
    except RuntimeError as error:
        raise UserError("There is no HOME to keep a cache in; set cache_dir=FOLDER.") from error


def build_system(
    experiment: Experiment,
    dataset: Dataset,
    protocol: LinkProtocol,
    processes: Processes,
    goal: Goal = Goal.LINKS,
) -> System:
    """The system with its model, ready to train.

    Raises:
        ValueError: If the configuration chooses no system or no model, or two that do not fit, or
            more trainers than the training events make batches.
    """
    check_network(experiment)
    check_batches(experiment, dataset.split.train_end)
    training = TrainingSettings(
        epochs=experiment.epochs,
        batch_size=experiment.batch_size,
        learning_rate=experiment.learning_rate,
        seed=experiment.seed,
        parallelism=experiment.parallelism,
        device=choose_device(experiment.device, processes),
        cache=cache_folder(experiment),
        evaluation_mebibytes=experiment.evaluation_mebibytes,
        goal=goal,
    )
    model = instantiate(experiment.model) if "_target_" in experiment.model else None
    job = Job(dataset, protocol, model, training, processes)
    system: System = instantiate_with(experiment.system, job=job)
    return system


def check_batches(experiment: Experiment, num_events: int) -> None:
    """Refuse more trainers than ``num_events`` make batches: some would never have one.

    Raises:
        ValueError: Says both numbers.
    """
    trainers, batch_size = experiment.parallelism.num_trainers, experiment.batch_size
    batches = -(-num_events // batch_size)
    if trainers > batches:
        raise ValueError(
            f"{experiment.parallelism} are {trainers} trainers, and {num_events} events in batches "
            f"of {batch_size} are {batches} batches; take fewer trainers or a smaller batch_size."
        )


def instantiate_with(options: Options, **objects: Any) -> Any:
    """The object that ``options`` name, given ``objects`` as they are.

    Hydra would turn data classes among its own arguments into configuration nodes.
    """
    return instantiate(options, _partial_=True, _convert_="all")(**objects)
