"""The choices that make one evaluation of link prediction comparable with another."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from benchmark.datasets.locations import Locations
from benchmark.graph.visibility import Visibility
from benchmark.protocol.metrics import LINK_METRICS


class NegativePool(StrEnum):
    """Which nodes may be drawn as a negative destination."""

    DESTINATIONS = "destinations"  # every node that is a destination somewhere in the stream
    NODES = "nodes"  # every node, sources of a bipartite stream included
    BIPARTITE = "bipartite"  # destinations where the stream is bipartite, else every node


class NegativeSampling(StrEnum):
    """Which negatives of an event come before others; the pool's random nodes fill the rest."""

    RANDOM = "random"  # none: all are random
    HISTORICAL = "historical"  # destinations that the source met in training, not now
    INDUCTIVE = "inductive"  # destinations that it meets in this split, not in training, not now
    TGB = "tgb"  # those in the file that TGB publishes for the data set, and no others


@dataclass(frozen=True)
class LinkProtocol:
    """What may be seen when, which negatives, which metric decides; ``docs/protocol.md`` says all.

    ``seed`` is that of the evaluation negatives and stays the same for every experiment, whatever
    seed it trains with. ``primary_metric`` decides when validation has improved. ``inductive``
    asks for metrics over the events with a node that no training event has, beside those over all.
    ``locations`` is where published negatives are found.
    """

    name: str
    visibility: Visibility
    num_negatives: int
    negative_pool: NegativePool
    seed: int
    primary_metric: str
    negative_sampling: NegativeSampling = NegativeSampling.RANDOM
    inductive: bool = False
    locations: Locations | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "visibility", Visibility(self._one_of("visibility", list(Visibility)))
        )
        object.__setattr__(
            self, "negative_pool", NegativePool(self._one_of("negative_pool", list(NegativePool)))
        )
        sampling = self._one_of("negative_sampling", list(NegativeSampling))
        object.__setattr__(self, "negative_sampling", NegativeSampling(sampling))
        self._one_of("primary_metric", list(LINK_METRICS))
        self._whole_number("num_negatives", 1)
        self._whole_number("seed", 0)

    def _one_of(self, field: str, choices: list[Any]) -> str:
        value = getattr(self, field)
        if value not in choices:
            raise ValueError(
                f"protocol '{self.name}': {field} must be one of {', '.join(choices)}, "
                f"not {value!r}."
            )
        return str(value)

    def _whole_number(self, field: str, smallest: int) -> None:
        value = getattr(self, field)
        if not isinstance(value, int) or value < smallest:
            raise ValueError(
                f"protocol '{self.name}': {field} must be a whole number of at least {smallest}, "
                f"not {value!r}."
            )
