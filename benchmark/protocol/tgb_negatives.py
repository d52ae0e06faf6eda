"""The negatives that TGB publishes with its data sets, read by its own package py-tgb."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmark.datasets.archive import fetch_member
from benchmark.datasets.dataset import Dataset, SplitName
from benchmark.datasets.locations import Locations

LINK_PREFIX = "tgbl-"  # of the names of TGB's data sets for link prediction
NO_NODE = -1  # where an event has fewer negatives than another
SPLITS = {"validation": "val", "test": "test"}  # ours -> TGB's


def published_candidates(dataset: Dataset, split: SplitName, locations: Locations) -> Tensor:
    """The candidates of a whole split, int64 [num_events, 1 + most negatives].

    Column 0 is the true destination, and ``NO_NODE`` ends the rows of events with fewer negatives.
    The file is found, or unpacked from TGB's archive, like those of the data set.
    """
    return read_candidates(negatives_file(dataset.name, split, locations), dataset, split)


def negatives_file(name: str, split: SplitName, locations: Locations) -> Path:
    """The negatives of TGB's data set ``name``, in the version that py-tgb knows."""
    try:
        from tgb.utils.info import DATA_URL_DICT, DATA_VERSION_DICT  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ValueError(
            "protocol.negative_sampling=tgb needs py-tgb: pip install 'disttgl-benchmark[tgb]'."
        ) from error
    if not name.startswith(LINK_PREFIX) or name not in DATA_VERSION_DICT:
        raise ValueError(
            f"TGB publishes no negatives for data set '{name}'; "
            "set protocol.negative_sampling=random or choose a data set of TGB."
        )
    version = DATA_VERSION_DICT[name]
    suffix = f"_v{version}" if version > 1 else ""
    file = f"{name}_{SPLITS[split]}_ns{suffix}.pkl"
    return fetch_member(locations, name.replace("-", "_"), file, DATA_URL_DICT[name])


def read_candidates(path: Path, dataset: Dataset, split: SplitName) -> Tensor:
    """``published_candidates`` from one of TGB's files."""
    from tgb.linkproppred.negative_sampler import NegativeEdgeSampler  # noqa: PLC0415 - an extra

    sampler = NegativeEdgeSampler(dataset.name)
    sampler.load_eval_set(str(path), SPLITS[split])
    events = dataset.split.range(split)
    batch = dataset.batch(events.start, events.stop)
    times = batch.t + dataset.start_time
    try:
        negatives = sampler.query_batch(batch.src, batch.dst, times, split_mode=SPLITS[split])
    except ValueError as problem:
        raise ValueError(
            f"{path} does not belong to the {split} events of '{dataset.name}': {problem}"
        ) from problem
    rows = [
        torch.tensor([true, *row]) for true, row in zip(batch.dst.tolist(), negatives, strict=True)
    ]
    return pad_sequence(rows, batch_first=True, padding_value=NO_NODE)
