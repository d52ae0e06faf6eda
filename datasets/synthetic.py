"""Made-up streams that need no download; the suite runs on one where no data set is named."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset, Fractions, LabelKind, Source
from benchmark.datasets.exact import Times
from benchmark.datasets.loader import Loader, assemble
from benchmark.storage.locations import Locations

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# To be raised when the same numbers come to give another stream.
SYNTHETIC_VERSION = PREFERENCES_VERSION = 1
MEAN_GAP_SECONDS = 10.0  # between events; about every tenth gap is 0, a tie
DESTINATION_SHARE = 0.2  # of the nodes, where the stream is bipartite
NUM_COMMUNITIES = 10
NOVEL_PROBABILITY = 0.2  # an event picks a destination anew; the others repeat an earlier pick
REPEAT_PROBABILITIES = (0.7, 0.2, 0.1)  # of the newest pick, the one before it, and so on
OWN_COMMUNITY_PROBABILITY = 0.8  # a new pick stays in the community of its source
SIGNAL_PROBABILITY = 0.25  # an event sets the hidden state of its source, to 0 or to 1
FEATURE_NOISE = 0.3
LATENT_DIM = 8
STRENGTH = 2.5  # of what a user likes
POPULARITY = 0.5  # standard deviation of what all users like


@dataclass(frozen=True)
class Synthetic(Loader):
    """A stream that depends on nothing but these numbers; conf/dataset/synthetic.yaml says what.

    Links: degrees are heavy-tailed and a source mostly returns to one of its latest picks, so a
    memory ranks the true destination high but not always first. Labels: some events carry a
    signal in feature 0, +1 or -1, and the label of an event is the latest signal of its source up
    to and including it; the order of signals decides, their counts do not. The other features
    name the destination, with noise. Without features (``edge_dim=0``) there are no labels.
    """

    name: str = "synthetic"
    seed: int = 0
    num_nodes: int = 1_000
    num_events: int = 20_000
    bipartite: bool = True
    edge_dim: int = 16
    validation_fraction: float = 0.15
    test_fraction: float = 0.15

    def __post_init__(self) -> None:
        if self.num_nodes < 2 or self.num_events < 1:
            raise ValueError(
                f"num_nodes is {self.num_nodes} and num_events {self.num_events}: a synthetic "
                "stream needs at least 2 nodes and 1 event"
            )

    @property
    def known_labels(self) -> LabelKind:
        """What is known of the labels before the stream is made."""
        return LabelKind.NODE if self.edge_dim else LabelKind.NONE

    def paths(self, locations: Locations) -> dict[str, Path]:
        """None: everything is drawn."""
        return {}

    def checksums(self, locations: Locations) -> dict[str, str]:
        """The version of what draws the stream."""
        return {"synthetic": f"version {SYNTHETIC_VERSION}"}

    def load(self, locations: Locations) -> Dataset:
        """Draw the stream; ``source.files`` also holds the sha256 of its columns."""
        rng = np.random.default_rng(self.seed)
        num_destinations = self.num_nodes
        if self.bipartite:
            num_destinations = max(1, round(self.num_nodes * DESTINATION_SHARE))
        first_destination = self.num_nodes - num_destinations
        src = _heavy_tailed(rng, first_destination or self.num_nodes, self.num_events)
        by_source = np.argsort(src, kind="stable")
        grouped = src[by_source]
        starts = np.searchsorted(grouped, grouped)  # where the source's first event stands
        dst, signal, state = np.empty_like(src), np.empty_like(src), np.empty_like(src)
        dst[by_source] = _repeat(rng, starts, _picks(rng, grouped, num_destinations))
        signal[by_source], state[by_source] = _hidden_state(rng, starts)
        t = _seconds(rng, self.num_events)
        features = _features(rng, dst, signal, num_destinations, self.edge_dim)
        dst += first_destination
        drawn = hashlib.sha256(b"".join(x.tobytes() for x in (src, dst, t, features)))
        files = {"stream": drawn.hexdigest(), **self.checksums(locations)}
        return assemble(
            self.name,
            src,
            dst,
            Times(t),
            split=Fractions(self.validation_fraction, self.test_fraction),
            source=Source(f"synthetic stream, seed {self.seed}", files),
            num_nodes=self.num_nodes,
            features=features,
            labels=state if self.edge_dim else None,
            label_kind=self.known_labels,
        )


def _seconds(rng: np.random.Generator, num_events: int) -> Ints:
    """Times whose gaps are exponential, cut to whole seconds."""
    gaps = -MEAN_GAP_SECONDS * np.log1p(-rng.random(num_events))
    return np.floor(gaps).astype(np.int64).cumsum()


# ``Synthetic`` works on events grouped by source, in order of time within each source, so that what
# happens "since the source's latest pick" is one cumulative operation over all sources at once.


def _shuffled_weights(rng: np.random.Generator, size: int) -> Floats:
    """Weights 1/5, 1/6, 1/7, ... (Zipf with a blunted peak) in random order."""
    return 1.0 / (5 + np.argsort(rng.random(size)))


def _heavy_tailed(rng: np.random.Generator, num_values: int, size: int) -> Ints:
    cumulative = _shuffled_weights(rng, num_values).cumsum()
    return np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")


def _picks(rng: np.random.Generator, sources: Ints, num_destinations: int) -> Ints:
    """One candidate destination per event: popular ones more often, mostly of its community."""
    community = np.sort(rng.integers(NUM_COMMUNITIES, size=num_destinations))
    bounds = np.searchsorted(community, np.arange(NUM_COMMUNITIES + 1))
    cumulative = np.append(0.0, _shuffled_weights(rng, num_destinations).cumsum())
    own = rng.integers(NUM_COMMUNITIES, size=sources.max() + 1)[sources]
    roams = (rng.random(len(sources)) >= OWN_COMMUNITY_PROBABILITY) | (
        bounds[own] == bounds[own + 1]  # the community has no destinations
    )
    low = np.where(roams, 0, cumulative[bounds[own]])
    high = np.where(roams, cumulative[-1], cumulative[bounds[own + 1]])
    drawn = low + rng.random(len(sources)) * (high - low)
    return np.searchsorted(cumulative, drawn, side="right") - 1


def _repeat(rng: np.random.Generator, starts: Ints, picks: Ints) -> Ints:
    """Destinations: some events take their own pick, the others one of the source's latest."""
    position = np.arange(len(picks))
    novel = (position == starts) | (rng.random(len(picks)) < NOVEL_PROBABILITY)
    age = np.searchsorted(np.cumsum(REPEAT_PROBABILITIES), rng.random(len(picks)), side="right")
    age = np.where(novel, 0, np.minimum(age, len(REPEAT_PROBABILITIES) - 1))
    count = novel.cumsum() - 1  # which new pick of the whole stream is the latest
    return picks[novel][np.maximum(count - age, count[starts])]


def _hidden_state(rng: np.random.Generator, starts: Ints) -> tuple[Ints, Ints]:
    """The signal of every event (-1, 0 or 1) and the state (0 or 1) that its source is in."""
    drawn = rng.random(len(starts))
    signal = np.where(
        drawn < SIGNAL_PROBABILITY, np.where(drawn < SIGNAL_PROBABILITY / 2, 1, -1), 0
    )
    position = np.arange(len(starts))
    latest = np.maximum.accumulate(np.where(signal != 0, position, -1))
    return signal, ((latest >= starts) & (signal[latest] > 0)).astype(np.int64)


def _features(
    rng: np.random.Generator, dst: Ints, signal: Ints, num_destinations: int, edge_dim: int
) -> NDArray[np.float32]:
    """The signal, then a noisy code of the destination; float32 [num_events, edge_dim]."""
    features = np.empty((len(dst), edge_dim), np.float32)
    if edge_dim:
        codes = rng.standard_normal((num_destinations, edge_dim - 1), np.float32)
        noise = rng.standard_normal((len(dst), edge_dim - 1), np.float32)
        features[:, 0] = signal
        features[:, 1:] = codes[dst] + np.float32(FEATURE_NOISE) * noise
    return features


@dataclass(frozen=True)
class StablePreferences(Loader):
    """Bipartite, without features: what a memory of who a node is learns, and of its past does not.

    Users u and items i have latent vectors z_u and v_i, all from N(0, 1) in ``LATENT_DIM``
    dimensions, and an item a popularity b_i from N(0, ``POPULARITY``). Every event draws a user
    uniformly, then an item with the probability softmax_i(``STRENGTH`` z_u . v_i /
    sqrt(``LATENT_DIM``) + b_i), independently of all other events; gaps between events are
    exponential, cut to whole seconds. The users are the first nodes.

    Validation MRR by the disttgl protocol, of the default stream: .624 for the probabilities
    themselves, .589 for matrix factorisation of 32 dimensions, .254 for counts of items.
    """

    name: str = "stable_preferences"
    seed: int = 0
    num_users: int = 600
    num_items: int = 200
    num_events: int = 60_000
    validation_fraction: float = 0.15
    test_fraction: float = 0.15

    def __post_init__(self) -> None:
        if self.num_users < 1 or self.num_items < 2 or self.num_events < 1:
            raise ValueError(
                f"num_users is {self.num_users}, num_items {self.num_items} and num_events "
                f"{self.num_events}: stable preferences need at least 1 user, 2 items and 1 event"
            )

    def paths(self, locations: Locations) -> dict[str, Path]:
        """None: everything is drawn."""
        return {}

    def checksums(self, locations: Locations) -> dict[str, str]:
        """The version of what draws the stream."""
        return {"stable preferences": f"version {PREFERENCES_VERSION}"}

    def probabilities(self) -> Floats:
        """How often each user picks each item [num_users, num_items]: the best of all scores."""
        return self._preferences(np.random.default_rng(self.seed))

    def load(self, locations: Locations) -> Dataset:
        """Draw the stream; ``source.files`` also holds the sha256 of its columns."""
        rng = np.random.default_rng(self.seed)
        cumulative = self._preferences(rng).cumsum(axis=1)
        src = rng.integers(self.num_users, size=self.num_events)
        dst = _draw(rng, cumulative, src)
        t = _seconds(rng, self.num_events)
        drawn = hashlib.sha256(b"".join(column.tobytes() for column in (src, dst, t)))
        files = {"stream": drawn.hexdigest(), **self.checksums(locations)}
        return assemble(
            self.name,
            src,
            dst + self.num_users,
            Times(t),
            split=Fractions(self.validation_fraction, self.test_fraction),
            source=Source(f"stable preferences, seed {self.seed}", files),
            num_nodes=self.num_users + self.num_items,
        )

    def _preferences(self, rng: np.random.Generator) -> Floats:
        users = rng.standard_normal((self.num_users, LATENT_DIM))
        items = rng.standard_normal((self.num_items, LATENT_DIM))
        popularity = POPULARITY * rng.standard_normal(self.num_items)
        weights = np.exp(STRENGTH / np.sqrt(LATENT_DIM) * users @ items.T + popularity)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _draw(rng: np.random.Generator, cumulative: Floats, rows: Ints) -> Ints:
    """One column for each of ``rows``, by the ``cumulative`` probabilities of that row."""
    num_rows, num_columns = cumulative.shape
    # Row r of the table stands in [r, r + 1], so that one search finds the column of every event.
    ladder = (cumulative / cumulative[:, -1:] + np.arange(num_rows)[:, None]).ravel()
    found = np.searchsorted(ladder, rows + rng.random(len(rows)), side="right")
    return np.minimum(found - rows * num_columns, num_columns - 1)
