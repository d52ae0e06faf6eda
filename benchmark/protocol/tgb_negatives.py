"""The negatives that TGB publishes with its data sets, read by its own package py-tgb."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.protocol.negatives import NO_NODE, RandomNegatives
from benchmark.storage.locations import Locations, fetch_member

if TYPE_CHECKING:
    from benchmark.protocol.link_protocol import LinkProtocol

LINK_PREFIX = "tgbl-"  # of the names of TGB's data sets for link prediction
SPLITS = {"validation": "val", "test": "test"}  # ours -> TGB's
# All that TGB's files are made of, beside dictionaries, tuples and numbers: numpy's arrays and
# numbers, by where each version of it has them. Whatever else a pickle names may run a program.
ARRAYS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),  # bytes, where Python 2 is to read them too
    *(
        (module, name)
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
        for name in ("_reconstruct", "scalar")
    ),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
}


class TGBNegatives(RandomNegatives):
    """In evaluation those of TGB's file, found or unpacked from its archive; random in training."""

    def __init__(self, dataset: Dataset, protocol: LinkProtocol) -> None:
        super().__init__(dataset, protocol)
        version_of(dataset.name)  # refused before training rather than after it
        self.published: dict[SplitName, Tensor] = {}

    def evaluation(self, events: EventBatch, split: SplitName) -> Tensor:
        """All that the file holds, whatever ``num_negatives`` is."""
        if split not in self.published:
            self.published[split] = self._read(split)
        return self.published[split][events.ids - self.dataset.split.range(split).start]

    def _read(self, split: SplitName) -> Tensor:
        locations = self.protocol.locations
        if locations is None:
            raise ValueError("negatives of TGB need LinkProtocol.locations to be found in.")
        path = negatives_file(self.dataset.name, split, locations)
        return read_negatives(path, self.dataset, split)


def version_of(name: str) -> int:
    """The version of TGB's data set ``name`` that py-tgb knows; raises ValueError without one."""
    try:
        from tgb.utils.info import DATA_VERSION_DICT  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ValueError(
            "protocol.negative_sampling=tgb needs py-tgb: pip install 'disttgl-benchmark[tgb]'."
        ) from error
    if not name.startswith(LINK_PREFIX) or name not in DATA_VERSION_DICT:
        raise ValueError(
            f"TGB publishes no negatives for data set '{name}'; "
            "set protocol.negative_sampling=random or choose a data set of TGB."
        )
    return int(DATA_VERSION_DICT[name])


def negatives_file(name: str, split: SplitName, locations: Locations) -> Path:
    """The negatives of TGB's data set ``name``, in the version that py-tgb knows."""
    version = version_of(name)
    from tgb.utils.info import DATA_URL_DICT  # noqa: PLC0415 - an extra

    suffix = f"_v{version}" if version > 1 else ""
    file = f"{name}_{SPLITS[split]}_ns{suffix}.pkl"
    return fetch_member(locations, name.replace("-", "_"), file, DATA_URL_DICT[name])


def read_negatives(path: Path, dataset: Dataset, split: SplitName) -> Tensor:
    """The negatives of a whole split in one of TGB's files, int64 [num_events, most negatives].

    ``NO_NODE`` ends the rows of events with fewer negatives.
    """
    from tgb.linkproppred.negative_sampler import NegativeEdgeSampler  # noqa: PLC0415 - an extra

    sampler = NegativeEdgeSampler(dataset.name)
    sampler.eval_set[SPLITS[split]] = read_arrays(path)
    events = dataset.split.range(split)
    batch = dataset.batch(events.start, events.stop)
    times = batch.t + dataset.start_time
    try:
        negatives = sampler.query_batch(batch.src, batch.dst, times, split_mode=SPLITS[split])
    except ValueError as problem:
        raise ValueError(
            f"{path} does not belong to the {split} events of '{dataset.name}': {problem}"
        ) from problem
    rows = [torch.tensor([*row], dtype=torch.int64) for row in negatives]
    return pad_sequence(rows, batch_first=True, padding_value=NO_NODE)


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may name; its file is not TGB's where it names anything else."""
        if (module, name) not in ARRAYS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return super().find_class(module, name)


def read_arrays(path: Path) -> dict[Any, Any]:
    """The dictionary of numbers and arrays in a pickle, of which nothing is run.

    Raises ValueError for a file that is damaged or holds anything else.
    """
    try:
        with path.open("rb") as file:
            content = _ArraysOnly(file).load()
    except OSError:
        raise
    except Exception as error:  # a damaged pickle raises whatever its bytes come to mean
        raise ValueError(
            f"{path} is no file of negatives ({type(error).__name__}: {error}): delete it, and it "
            "is fetched again"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no file of negatives: it holds a {type(content).__name__}")
    return content
