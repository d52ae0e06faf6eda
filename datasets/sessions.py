"""A made-up stream of any length whose surroundings of an event look the same at every length."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset, Source, Split, Stream
from benchmark.datasets.loader import Loader
from benchmark.datasets.validate import check_split
from benchmark.storage.locations import Locations
from benchmark.storage.prepared import Piece, prepared_pieces

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VERSION = 1  # part of the cache's name: to be raised when the same options give other events
PIECE = 1_000_000  # events made at a time
COMMUNITY = 50  # sources, and as many destinations
OPEN_SESSIONS = 128
END_PROBABILITY = 0.05  # an event is the last of its session
OWN_COMMUNITY_PROBABILITY = 0.8
MEAN_GAP_SECONDS = 10.0  # between events; about every tenth gap is 0, a tie
FEATURE_NOISE = 0.3


@dataclass(frozen=True)
class Sessions(Loader):
    """A bipartite stream whose nodes grow with its events; one half of them are destinations.

    At any time some sessions are open, and each event belongs to one of them: the same source
    meets the same destination until the session ends and another pair begins one. Pairs come from
    all of the stream's communities alike, and within a community some nodes are busier than others
    (weights 1/10, 1/11, ...). So a batch meets as many nodes, and a node has as many events and
    neighbours, whatever the length. Features are a noisy code of the destination. The last
    ``evaluation_events`` test, as many before them validate, both parts moved to where times
    change. Events are made piece by piece and kept in the cache.

    ``load`` raises ValueError where the events are too few for one community or the evaluation.
    """

    name: str = "sessions"
    seed: int = 0
    num_events: int = 1_500_000
    events_per_node: int = 100
    edge_dim: int = 4
    evaluation_events: int = 6_000

    def paths(self, locations: Locations) -> dict[str, Path]:
        return {}

    def load(self, locations: Locations) -> Dataset:
        num_events = self.num_events
        num_communities = self._num_communities()
        label = f"{num_events}-{self.events_per_node}-{self.edge_dim}-seed{self.seed}-v{VERSION}"
        columns = prepared_pieces(
            locations.cache / "sessions" / label,
            lambda: _pieces(self.seed, num_events, num_communities, self.edge_dim),
        )
        t = columns["t"]
        first_test = num_events - self.evaluation_events
        train_end, validation_end = (
            int(torch.searchsorted(t, t[cut]))
            for cut in (first_test - self.evaluation_events, first_test)
        )
        split = Split(train_end, validation_end, num_events)
        check_split(self.name, split)
        return Dataset(
            name=self.name,
            stream=Stream(**columns),
            num_nodes=2 * num_communities * COMMUNITY,
            bipartite=True,
            split=split,
            source=Source(f"sessions, {label}", self.checksums(locations)),
        )

    def _num_communities(self) -> int:
        """How many there are events for; refuses sizes without sense."""
        events_per_community = self.events_per_node * 2 * COMMUNITY
        if not 0 < events_per_community <= self.num_events:
            raise ValueError(
                f"num_events is {self.num_events}: {self.events_per_node} events for each of the "
                f"{2 * COMMUNITY} nodes of one community need {events_per_community}"
            )
        if not 0 < 2 * self.evaluation_events < self.num_events:
            raise ValueError(
                f"evaluation_events is {self.evaluation_events}: validation and test need at "
                f"least 1 event each and must leave some of the {self.num_events} for training"
            )
        return self.num_events // events_per_community


def _pieces(seed: int, num_events: int, num_communities: int, edge_dim: int) -> Iterator[Piece]:
    rng = np.random.default_rng(seed)
    num_sources = num_communities * COMMUNITY
    codes = rng.standard_normal((num_sources, edge_dim), np.float32)
    sessions = _pairs(rng, OPEN_SESSIONS, num_communities)
    now = 0
    for start in range(0, num_events, PIECE):
        size = min(PIECE, num_events - start)
        slots = rng.integers(OPEN_SESSIONS, size=size)
        ends = rng.random(size) < END_PROBABILITY
        pairs = _take_turns(slots, ends, sessions, _pairs(rng, int(ends.sum()), num_communities))
        gaps = np.floor(-MEAN_GAP_SECONDS * np.log1p(-rng.random(size))).astype(np.int64)
        t = now + gaps.cumsum()
        now = int(t[-1])
        noise = rng.standard_normal((size, edge_dim), np.float32)
        yield {
            "src": pairs[:, 0],
            "dst": num_sources + pairs[:, 1],
            "t": t,
            "msg": codes[pairs[:, 1]] + np.float32(FEATURE_NOISE) * noise,
        }


def _pairs(rng: np.random.Generator, size: int, num_communities: int) -> Ints:
    """Sources and destinations, both counted from 0, of new sessions, int64 [size, 2]."""
    cumulative = (1.0 / np.arange(10, 10 + COMMUNITY)).cumsum()
    ranks = np.searchsorted(cumulative, rng.random((size, 2)) * cumulative[-1], side="right")
    home = rng.integers(num_communities, size=size)
    roams = rng.random(size) >= OWN_COMMUNITY_PROBABILITY
    away = np.where(roams, rng.integers(num_communities, size=size), home)
    return np.stack([home, away], axis=1) * COMMUNITY + ranks


@njit("int64[:, ::1](int64[::1], boolean[::1], int64[:, ::1], int64[:, ::1])", cache=True)
def _take_turns(slots: Ints, ends: NDArray[np.bool_], sessions: Ints, new: Ints) -> Ints:
    """The pair of every event [num_events, 2]: that of the session in its slot of ``sessions``.

    After an event that ends its session the next of the ``new`` pairs takes the slot.
    """
    pairs = np.empty((slots.size, 2), np.int64)
    begun = 0
    for event in range(slots.size):
        slot = slots[event]
        pairs[event] = sessions[slot]
        if ends[event]:
            sessions[slot] = new[begun]
            begun += 1
    return pairs
