"""What can be made of a loaded data set: its beginning, and other edge features."""

from dataclasses import replace

import torch

from benchmark.datasets.dataset import Dataset, Fractions, LabelKind
from benchmark.datasets.exact import Times, in_coarsest_unit
from benchmark.datasets.loader import assemble, numbered

SEED = 0  # the same features for every system and every seed of training


def beginning(dataset: Dataset, num_events: int) -> Dataset:
    """The first ``num_events`` events, as if there had never been others.

    Nodes are those that occur, classes and features too; the split has the fractions of the whole.
    Raises ValueError if there are not so many events or a part of the split would be empty.
    """
    if num_events > dataset.num_events:
        raise ValueError(
            f"data set '{dataset.name}' has {dataset.num_events} events, not the {num_events} "
            "asked for; choose a smaller max_events or null for all"
        )
    stream = dataset.stream.first(num_events)
    src, dst, nodes = numbered(stream.src.numpy(), stream.dst.numpy())
    static = dataset.node_features
    t, unit = in_coarsest_unit(stream.t.numpy() + dataset.start_time, dataset.source.time_unit)
    used = [c for c in range(dataset.edge_dim) if _is_used(dataset, c, num_events)]
    parts = (len(dataset.split.range(part)) for part in ("validation", "test"))
    return assemble(
        dataset.name,
        src,
        dst,
        Times(t),
        split=dataset.fractions or Fractions(*(part / dataset.num_events for part in parts)),
        source=replace(dataset.source, time_unit=unit),
        num_nodes=len(nodes),
        features=stream.msg if len(used) == dataset.edge_dim else stream.msg[:, used],
        labels=None if stream.y is None else stream.y.numpy(),
        label_kind=dataset.label_kind,
        class_names=dataset.class_names,
        node_features=None if static is None else static[torch.from_numpy(nodes)],
        names=dataset.names.take(nodes),
        indicators=[i for i, column in enumerate(used) if column in dataset.indicators],
    )


def _is_used(dataset: Dataset, column: int, num_events: int) -> bool:
    """Whether a column of features is one of the beginning too, not of a word that comes later."""
    return column not in dataset.indicators or bool(dataset.stream.msg[:num_events, column].any())


def with_class_features(dataset: Dataset, width: int) -> Dataset:
    """The data set with a random code [width] of each event's class after its edge features.

    What kind of event a pair had before tells of the kind that comes next, and no protocol shows
    an event its own features. Codes are standard normal, and 0 for an event without a label. Raises
    ValueError unless there is one class per event.
    """
    if dataset.label_kind is not LabelKind.EDGE or width < 1:
        raise ValueError(
            f"class_features={width}: {dataset.name} has labels of kind {dataset.label_kind}; this "
            "needs one class per event and at least one feature, leave it null"
        )
    generator = torch.Generator().manual_seed(SEED)
    codes = torch.randn(dataset.num_classes, width, generator=generator)
    codes = torch.cat([codes, torch.zeros(1, width)])  # UNLABELLED is the last row
    features = torch.cat([dataset.stream.msg, codes[dataset.labels]], dim=1)
    return replace(dataset, stream=replace(dataset.stream, msg=features))


def with_random_edge_features(dataset: Dataset, width: int) -> Dataset:
    """The data set with ``width`` standard normal features per event in place of its own.

    They show what features cost, not what they tell.
    """
    generator = torch.Generator().manual_seed(SEED)
    stream = replace(
        dataset.stream, msg=torch.randn(dataset.num_events, width, generator=generator)
    )
    source = replace(dataset.source, random_edge_features=width)
    return replace(dataset, stream=stream, source=source, indicators=())
