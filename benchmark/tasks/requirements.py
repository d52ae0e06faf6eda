"""What tasks require of the data set and the system."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from hydra.utils import instantiate

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.errors import choose
from benchmark.experiment import Experiment
from benchmark.models.pairwise import PairwiseModel
from benchmark.protocol.hard_negatives import LINK_PREFIX
from benchmark.protocol.metrics import (
    EDGE_METRICS,
    NODE_METRICS,
    has_label,
    metric_names,
)
from benchmark.protocol.walk import CatchesUp, EventClassifier, SourceEmbedder
from benchmark.tasks.build import build_protocol
from benchmark.tasks.choices import check_network, class_of
from benchmark.tasks.task import Task
from benchmark.training.system import System

CLASS_METRICS = {name: name for name in (*NODE_METRICS, *EDGE_METRICS)}


def check_task(experiment: Experiment, labels: LabelKind | None) -> None:
    """Refuse what the task cannot work with, before anything is loaded.

    ``labels`` is the kind that the data set is known to have, None where only loading tells.

    Raises:
        ValueError: Says what does not fit, and what to choose.
    """
    task: Task = instantiate(experiment.task, _convert_="all")
    if task.label_kinds and labels not in (None, *task.label_kinds):
        raise ValueError(
            f"task {experiment.name_of('task')} needs labels of kind "
            f"{' or '.join(task.label_kinds)}, and those of data set "
            f"'{experiment.name_of('dataset')}' are of kind {labels}; choose another dataset."
        )
    if task.trains:
        check_network(experiment)
        _check_trainers(experiment)
    system: Any = class_of(experiment, "system")
    if experiment.evaluate_every is not None:
        _check_within_rounds(experiment, task, system)
    if task.ability is not None and not issubclass(system, task.ability):
        raise ValueError(
            f"system={experiment.choices['system']} cannot be used for task "
            f"{experiment.name_of('task')}; choose system=disttgl or system=tgl."
        )
    model: Any = class_of(experiment, "model")
    if task.needs_nodes and inspect.isclass(model) and issubclass(model, PairwiseModel):
        raise ValueError(
            f"model={experiment.choices['model']} embeds pairs of nodes and no node alone, which "
            f"task {experiment.name_of('task')} needs; choose model=tgn_attention, or "
            "task=edge_classification."
        )


def _check_trainers(experiment: Experiment) -> None:
    """Refuse a parallelism or options that the chosen system cannot train with (ValueError)."""
    check: Callable[[Any, int, Mapping[str, Any]], None] | None = getattr(
        class_of(experiment, "system"), "check", None
    )
    if check is not None:
        check(experiment.parallelism, experiment.processes, experiment.system)


def _check_within_rounds(experiment: Experiment, task: Task, system: Any) -> None:
    if not task.trains:
        raise ValueError(
            f"evaluate_every is {experiment.evaluate_every} and task {experiment.name_of('task')} "
            "trains nothing; leave it null."
        )
    if not issubclass(system, CatchesUp):
        raise ValueError(
            f"evaluate_every is {experiment.evaluate_every} and system="
            f"{experiment.choices['system']} trains and evaluates with one node memory, so that it "
            "cannot be validated within a round; leave it null, or choose system=disttgl or "
            "system=tgl."
        )


def check_protocol(experiment: Experiment) -> None:
    """Refuse a protocol that has an unknown word, or negatives of other data (ValueError)."""
    if "_target_" not in experiment.protocol:
        return
    protocol = build_protocol(experiment)
    dataset = experiment.name_of("dataset")
    if str(protocol.negative_sampling) == "tgb" and not dataset.startswith(LINK_PREFIX):
        raise ValueError(
            f"TGB publishes no negatives for data set '{dataset}'; "
            "set protocol.negative_sampling=random or choose a data set of TGB."
        )


def require_labels(task: Task, dataset: Dataset) -> None:
    """Raise ValueError if labels are of another kind or show one class in training."""
    if dataset.label_kind not in task.label_kinds:
        raise ValueError(
            f"task {task.name} needs labels of kind {' or '.join(task.label_kinds)}, and those of "
            f"data set '{dataset.name}' are of kind {dataset.label_kind}; choose another dataset."
        )
    labels = dataset.labels[: dataset.split.train_end]
    known = labels[has_label(labels)]
    several = dataset.label_kind is LabelKind.MULTI_EDGE
    classes = (known.any(0).nonzero() if several else known).unique()
    if len(classes) < 2:
        shown = f"only the class {int(classes)}" if len(classes) else "no class"
        raise ValueError(
            f"the training split of data set '{dataset.name}' shows {shown} in its "
            f"{len(labels)} events, and a classifier needs two; move the boundaries of the split "
            "or use more of the stream."
        )


def require_metric(dataset: Dataset, metric: str) -> None:
    """Raise ValueError if evaluation on ``dataset`` does not give the ``metric``."""
    names = metric_names(dataset.label_kind, dataset.num_classes)
    choose("task.primary_metric", metric, {name: name for name in names})


def as_classifier(system: System) -> EventClassifier:
    """The ``system``, which ``check_task`` has seen to be one that classifies."""
    assert isinstance(system, EventClassifier)
    return system


def as_embedder(system: System) -> SourceEmbedder:
    """The ``system``, which ``check_task`` has seen to be one that gives its embeddings."""
    assert isinstance(system, SourceEmbedder)
    return system
