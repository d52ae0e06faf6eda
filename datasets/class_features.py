"""The class of an event as its edge features, which only later events see."""

from dataclasses import replace

import torch

from benchmark.datasets.dataset import Dataset, LabelKind

SEED = 0  # the same codes for every system and every seed of training


def with_class_features(dataset: Dataset, width: int | None) -> Dataset:
    """The data set with a random code [width] of each event's class after its edge features.

    What kind of event a pair had before tells of the kind that comes next, and no protocol shows
    an event its own features. Codes are standard normal; None changes nothing. Raises ValueError
    unless there is one class per event.
    """
    if width is None:
        return dataset
    if dataset.label_kind is not LabelKind.EDGE or width < 1:
        raise ValueError(
            f"class_features={width}: {dataset.name} has labels of kind "
            f"{dataset.label_kind}; this needs one class per event and at least one feature, "
            "leave it null"
        )
    generator = torch.Generator().manual_seed(SEED)
    codes = torch.randn(dataset.num_classes, width, generator=generator)
    stream = dataset.stream.clone()
    stream.msg = torch.cat([stream.msg, codes[stream.y]], dim=1)
    return replace(dataset, stream=stream)
