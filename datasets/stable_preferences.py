"""A made-up stream in which every user always likes the same items, whatever came before."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.assemble import assemble
from benchmark.datasets.chronology import Times
from benchmark.datasets.dataset import Dataset, Fractions, Source
from benchmark.datasets.loader import Loader
from benchmark.storage.locations import Locations

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VERSION = 1  # to be raised when the same numbers come to give another stream
LATENT_DIM = 8
STRENGTH = 2.5  # of what a user likes
POPULARITY = 0.5  # standard deviation of what all users like
MEAN_GAP_SECONDS = 10.0


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
        return {"stable preferences": f"version {VERSION}"}

    def probabilities(self) -> Floats:
        """How often each user picks each item [num_users, num_items]: the best of all scores."""
        return self._preferences(np.random.default_rng(self.seed))

    def load(self, locations: Locations) -> Dataset:
        """Draw the stream; ``source.files`` also holds the sha256 of its columns."""
        rng = np.random.default_rng(self.seed)
        cumulative = self._preferences(rng).cumsum(axis=1)
        src = rng.integers(self.num_users, size=self.num_events)
        dst = _draw(rng, cumulative, src)
        gaps = -MEAN_GAP_SECONDS * np.log1p(-rng.random(self.num_events))
        t = np.floor(gaps).astype(np.int64).cumsum()
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
        shares: Floats = weights / weights.sum(axis=1, keepdims=True)
        return shares


def _draw(rng: np.random.Generator, cumulative: Floats, rows: Ints) -> Ints:
    """One column for each of ``rows``, by the ``cumulative`` probabilities of that row."""
    num_rows, num_columns = cumulative.shape
    # Row r of the table stands in [r, r + 1], so that one search finds the column of every event.
    ladder = (cumulative / cumulative[:, -1:] + np.arange(num_rows)[:, None]).ravel()
    found = np.searchsorted(ladder, rows + rng.random(len(rows)), side="right")
    return np.minimum(found - rows * num_columns, num_columns - 1)
