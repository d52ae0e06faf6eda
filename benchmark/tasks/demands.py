"""What a task needs of a data set and of a system, with a clear refusal where it is missing."""

from collections.abc import Collection

from omegaconf import DictConfig

from benchmark.choose import choose
from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.experiment import name_of
from benchmark.protocol.classification_metrics import has_label, metric_names
from benchmark.protocol.scorer import EventClassifier, SourceEmbedder
from benchmark.training.system import System


def demand_labels(experiment: DictConfig, dataset: Dataset, kinds: Collection[LabelKind]) -> None:
    """Raise ValueError if labels are of none of the ``kinds`` or show one class in training."""
    if dataset.label_kind not in kinds:
        raise ValueError(
            f"task {name_of(experiment, 'task')} needs labels of kind {' or '.join(kinds)}, and "
            f"those of data set '{dataset.name}' are of kind {dataset.label_kind}; choose another "
            "dataset."
        )
    labels = dataset.stream.y[: dataset.split.train_end]
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


def demand_metric(dataset: Dataset, metric: str) -> None:
    """Raise ValueError if evaluation on ``dataset`` does not give the ``metric``."""
    names = metric_names(dataset.label_kind, dataset.num_classes)
    choose("task.primary_metric", metric, {name: name for name in names})


def as_classifier(experiment: DictConfig, system: System) -> EventClassifier:
    """The ``system``; raises ValueError if it cannot classify."""
    if not isinstance(system, EventClassifier):
        raise ValueError(_unable(experiment))
    return system


def as_embedder(experiment: DictConfig, system: System) -> SourceEmbedder:
    """The ``system``; raises ValueError if it does not give its embeddings."""
    if not isinstance(system, SourceEmbedder):
        raise ValueError(_unable(experiment))
    return system


def _unable(experiment: DictConfig) -> str:
    return (
        f"system={experiment.choices.system} cannot be used for task "
        f"{name_of(experiment, 'task')}; choose system=disttgl or system=tgl."
    )
