"""Where the time of a training process goes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class Stopwatch:
    """Adds up wall seconds by the name of a part: ``with stopwatch("compute"): ...``.

    A part inside another is taken out of the outer one, so that no second counts twice. On a GPU
    the seconds are those of the process, which launches kernels and goes on: waiting for them
    falls into the part that first needs a result.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = 0.0  # seconds of the finished parts inside the present one

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        before, self._inner = self._inner, 0.0
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self.seconds[part] = self.seconds.get(part, 0.0) + elapsed - self._inner
            self._inner = before + elapsed


def total_seconds(of_each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The sum of several stopwatches' seconds by part, which need not have the same parts."""
    parts = dict.fromkeys(part for one in of_each for part in one)
    return {part: sum(one.get(part, 0.0) for one in of_each) for part in parts}
