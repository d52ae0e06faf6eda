"""Negatives that are harder than random ones: linked before, or published by TGB."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.graph.distinct import Pairs
from benchmark.protocol.negatives import NO_NODE, SLOTS, RandomNegatives
from benchmark.randomness import key_to_seed, random_integers
from benchmark.storage.locations import Locations, fetch_member

if TYPE_CHECKING:
    from benchmark.protocol.link_protocol import LinkProtocol


class HistoricalNegatives(RandomNegatives):
    """First the destinations that the source of an event met in training, but not now.

    Those come in random order and each once; random nodes fill the rest, and all of training.
    """

    def __init__(self, dataset: Dataset, protocol: LinkProtocol) -> None:
        super().__init__(dataset, protocol)
        self.by_split: dict[SplitName, LinkedDestinations] = {}

    def evaluation(self, events: EventBatch, split: SplitName) -> Tensor:
        """As ``RandomNegatives``, with linked destinations in the place of the first ones."""
        negatives = super().evaluation(events, split)
        if not self.draws_all:
            key = key_to_seed(self.protocol.seed, "order of linked destinations", split)
            _put_first(negatives, *self.linked(split)(events.ids), key, events.ids)
        return negatives

    def linked(self, split: SplitName) -> LinkedDestinations:
        """The linked destinations of events in ``split``, found once."""
        if split not in self.by_split:
            self.by_split[split] = LinkedDestinations(self.dataset, self._links(split))
        return self.by_split[split]

    def _links(self, split: SplitName) -> Pairs:
        """The (source, destination) pairs that may be negatives in ``split``."""
        return training_links(self.dataset)


class InductiveNegatives(HistoricalNegatives):
    """First the destinations that the source meets in the split, be it later, not in training."""

    def _links(self, split: SplitName) -> Pairs:
        stream, events = self.dataset.stream, self.dataset.split.range(split)
        src, dst = (side[events.start : events.stop] for side in (stream.src, stream.dst))
        new = training_links(self.dataset).positions(src, dst) < 0
        return Pairs(src[new], dst[new], self.dataset.num_nodes)


def training_links(dataset: Dataset) -> Pairs:
    """The (source, destination) pairs of training events."""
    stream, end = dataset.stream, dataset.split.train_end
    return Pairs(stream.src[:end], stream.dst[:end], dataset.num_nodes)


class LinkedDestinations:
    """The destinations that a source is linked to by ``links``, but not at the time of an event."""

    def __init__(self, dataset: Dataset, links: Pairs) -> None:
        self.stream = stream = dataset.stream
        self.links = links
        self.times = torch.unique(stream.t)
        met = links.positions(stream.src, stream.dst)
        kept = met >= 0
        moments = torch.searchsorted(self.times, stream.t[kept])
        self.meetings = Pairs(met[kept], moments, self.times.numel())

    def __call__(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """``(rows, destinations)``: destination d may be a negative of the event ``ids[row]``."""
        src = self.stream.src[ids]
        rows, destinations = self.links.seconds(src)
        links = self.links.positions(src[rows], destinations)
        moments = torch.searchsorted(self.times, self.stream.t[ids])[rows]
        elsewhere = self.meetings.positions(links, moments) < 0
        return rows[elsewhere], destinations[elsewhere]


def _put_first(negatives: Tensor, rows: Tensor, nodes: Tensor, key: int, ids: Tensor) -> None:
    """Write each row's ``nodes`` over its first negatives, in an order keyed by event and node."""
    order = random_integers(key, ids[rows] * SLOTS + nodes, SLOTS).argsort(stable=True)
    order = order[rows[order].argsort(stable=True)]
    rows, nodes = rows[order], nodes[order]
    counts = torch.bincount(rows, minlength=ids.numel())
    slots = torch.arange(rows.numel()) - (counts.cumsum(0) - counts)[rows]
    kept = slots < negatives.shape[1]
    negatives[rows[kept], slots[kept]] = nodes[kept]


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
