"""From the composed configuration of an experiment to the objects it names."""

import os
from pathlib import Path
from typing import Any

from hydra.utils import get_class, instantiate
from omegaconf import DictConfig

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.transforms import beginning, with_random_edge_features
from benchmark.device import choose_device
from benchmark.experiment import name_of
from benchmark.parallelism import Parallelism
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.storage.locations import Locations
from benchmark.training.processes import Processes
from benchmark.training.system import Goal, Job, System, TrainingSettings

DEFAULT_CACHE = Path.home() / ".cache" / "disttgl-benchmark"


def build_dataset(experiment: DictConfig) -> Dataset:
    """The data set, looked for under ``datasets_root`` (or DATASETS_ROOT) before a download."""
    locations = _locations(experiment)
    dataset: Dataset = instantiate(experiment.dataset, _convert_="all").load(locations)
    if experiment.max_events:
        dataset = beginning(dataset, experiment.max_events)
    if experiment.random_edge_features:
        dataset = with_random_edge_features(dataset, experiment.random_edge_features)
    return dataset


def build_protocol(experiment: DictConfig) -> LinkProtocol:
    """The protocol, which finds published negatives where the data set is found."""
    protocol: LinkProtocol = instantiate_with(experiment.protocol, locations=_locations(experiment))
    return protocol


def _locations(experiment: DictConfig) -> Locations:
    root = experiment.datasets_root or os.environ.get("DATASETS_ROOT")
    return Locations(Path(root) if root else None, cache_folder(experiment))


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


def cache_folder(experiment: DictConfig) -> Path:
    """Where downloads and everything else that can be made again is kept."""
    return Path(experiment.cache_dir) if experiment.cache_dir else DEFAULT_CACHE


def build_system(
    experiment: DictConfig,
    dataset: Dataset,
    protocol: LinkProtocol,
    processes: Processes,
    goal: Goal = Goal.LINKS,
) -> System:
    """The system with its model, ready to train.

    Raises:
        ValueError: If the configuration chooses no system or no model, or two that do not fit.
    """
    _check_choices(experiment)
    training = TrainingSettings(
        epochs=experiment.epochs,
        batch_size=experiment.batch_size,
        learning_rate=experiment.learning_rate,
        seed=experiment.seed,
        parallelism=Parallelism(**experiment.parallelism),
        device=choose_device(experiment.device, processes.rank, processes.world_size),
        cache=cache_folder(experiment),
        evaluation_mebibytes=experiment.evaluation_mebibytes,
        goal=goal,
    )
    model = instantiate(experiment.model) if "_target_" in experiment.model else None
    job = Job(dataset, protocol, model, training, processes)
    system: System = instantiate_with(experiment.system, job=job)
    return system


def _check_choices(experiment: DictConfig) -> None:
    """Refuse a missing system, and a model that the system does not train."""
    if "_target_" not in experiment.system:
        raise ValueError(_missing(experiment, "system"))
    system, model = experiment.choices.system, experiment.choices.model
    trains = get_class(experiment.system._target_).trains  # type: ignore[attr-defined]
    if trains is None:
        if "_target_" in experiment.model:
            raise ValueError(f"system={system} trains no model; leave model={model} out.")
        return
    if "_target_" not in experiment.model:
        raise ValueError(_missing(experiment, "model"))
    network = get_class(experiment.model._target_)
    if not issubclass(network, trains):
        raise ValueError(
            f"system={system} trains a {trains.__name__}, and "
            f"model={model} is a {network.__name__}; "
            "leave model out or choose another."
        )


def _missing(experiment: DictConfig, group: str) -> str:
    return (
        f"task {name_of(experiment, 'task')} trains a {group}, but {group}="
        f"{experiment.choices[group]} names none; leave {group} out or choose another."
    )


def instantiate_with(config: DictConfig, **objects: Any) -> Any:
    """The object that ``config`` names, given ``objects`` as they are.

    Hydra would turn data classes among its own arguments into configuration nodes.
    """
    return instantiate(config, _partial_=True, _convert_="all")(**objects)
