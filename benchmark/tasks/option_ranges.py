"""Whether numbers among the options of the suite's own classes can be meant."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Range(NamedTuple):
    """The numbers that an option may have; ``open`` leaves out that end."""

    least: float
    most: float
    open_below: bool = False
    open_above: bool = False

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies within; NaN does not."""
        above = value > self.least if self.open_below else value >= self.least
        return above and (value < self.most if self.open_above else value <= self.most)

    def __str__(self) -> str:
        low = f"above {self.least:g}" if self.open_below else f"at least {self.least:g}"
        if math.isinf(self.most):
            return f"{low} and finite"
        return f"{low} and {'below' if self.open_above else 'at most'} {self.most:,g}"


COUNT, WIDTH = Range(1, 10**9), Range(1, 10**5)
SHARE, PROBABILITY = Range(0, 1, open_below=True), Range(0, 1, open_above=True)
POSITIVE = Range(0, math.inf, open_below=True, open_above=True)
# By the last part of an option's name; the first that matches holds.
RANGES = {
    r"num_.*_features|edge_dim": Range(0, 10**5),  # a stream may have none
    r".*_dim|(num_)?heads|num_layers|.*_layers|num_neighbors|mailbox_size": WIDTH,
    r"num_.*|log_interval|epochs|.*_epochs|.*_patience|batch_size|.*_length|.*_size": COUNT,
    r"(.*_)?learning_rate|snapshot_duration|time_window": POSITIVE,
    r"(.*_)?dropout": PROBABILITY,
    r"window|.*_held_out": SHARE,
    r"seed": Range(0, 2**31 - 1),
}


def check_ranges(group: str, options: Mapping[str, Any]) -> None:
    """Refuse a number that is out of its range; raises ValueError that names the key."""
    for key, value in _numbers(options, f"{group}."):
        name = key.rpartition(".")[2]
        known = next((one for words, one in RANGES.items() if re.fullmatch(words, name)), None)
        if known is not None and not known.holds(value):
            raise ValueError(f"{key} must be {known}, not {value!r}.")
        if not math.isfinite(value):
            raise ValueError(f"{key} must be finite, not {value!r}.")


def _numbers(options: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{key}", value
