"""How long an iteration takes on one or more machines: a few non-negative terms, fitted.

The terms follow the paper: trainers that share a copy of node memory are served in turn by its
daemon (Algorithm 1), copies on one machine compete for its main memory (text on Figure 12), and all
trainers average their gradients in every iteration.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import combinations

import numpy as np

EQUALLY_GOOD = 1e-6  # of relative errors: fits closer than this cannot be told apart


@dataclass(frozen=True)
class Layout:
    """i x j x k trainers, one on each device, spread evenly over ``machines``.

    Raises ValueError if a number is below one or a copy of node memory would span machines.
    """

    i: int
    j: int
    k: int
    machines: int = 1

    def __post_init__(self) -> None:
        if min(astuple(self)) < 1:
            raise ValueError(f"{self} has a number below 1; every degree counts from 1")
        if self.k % self.machines:
            raise ValueError(f"{self} splits a copy of node memory; make k a multiple of machines")

    @classmethod
    def parse(cls, parallelism: str, machines: int = 1) -> "Layout":
        """The layout of "ixjxk"."""
        i, j, k = (int(degree) for degree in parallelism.split("x"))
        return cls(i, j, k, machines)

    @property
    def num_trainers(self) -> int:
        return self.i * self.j * self.k

    def loads(self) -> tuple[float, ...]:
        """How often each term of the model counts, in the order of its fields."""
        n = self.num_trainers
        return (1, self.i * self.j - 1, self.k // self.machines - 1, 2 * (n - 1) / n,
                self.machines - 1)  # fmt: skip


@dataclass(frozen=True)
class CostModel:
    """Seconds of one iteration, term by term.

    ``alone`` is what a trainer takes by itself. ``sharer`` comes on top for each further trainer of
    the same copy of node memory, ``copy`` for each further copy on the machine, ``machine`` for
    each further machine. ``exchange`` is one sending of all gradients over the slowest link: a ring
    of n trainers sends them 2(n-1)/n times.
    """

    alone: float
    sharer: float
    copy: float
    exchange: float
    machine: float = 0.0

    def seconds(self, layout: Layout) -> float:
        """Seconds of one iteration."""
        return float(np.dot(astuple(self), layout.loads()))

    def throughput(self, layout: Layout, batch_size: int) -> float:
        """Events per second of all trainers, ``batch_size`` events per trainer and iteration."""
        return layout.num_trainers * batch_size / self.seconds(layout)


def fit(layouts: Sequence[Layout], seconds: Sequence[float]) -> list[CostModel]:
    """The non-negative least squares fit to ``seconds`` per iteration, by relative error.

    More than one model comes back where the layouts cannot tell terms apart: those with the fewest
    terms, between which all equally good ones lie. A term that no layout has is 0.

    Raises ValueError if there is no observation or one is not positive.
    """
    times = np.array(seconds, dtype=float)
    if not len(times) or not (times > 0).all():
        raise ValueError(f"seconds per iteration are {list(seconds)}; give one or more, all > 0")
    design = np.array([layout.loads() for layout in layouts]) / times[:, None]
    candidates = list(_non_negative_solutions(design))
    errors = [float(np.linalg.norm(design @ terms - 1)) for terms in candidates]
    best = min(errors) + EQUALLY_GOOD
    chosen = [terms for terms, error in zip(candidates, errors, strict=True) if error <= best]
    distinct = {tuple(np.round(terms, 12)): terms for terms in chosen}
    return [CostModel(*terms.tolist()) for terms in distinct.values()]


def _non_negative_solutions(design: np.ndarray) -> Iterator[np.ndarray]:
    """Least squares towards 1 with each set of terms that determines them, if none is negative.

    The best non-negative fit is among them; with five terms, trying all 31 sets is quick.
    """
    num_terms = design.shape[1]
    for size in range(1, num_terms + 1):
        for columns in map(list, combinations(range(num_terms), size)):
            if np.linalg.matrix_rank(design[:, columns]) < size:
                continue
            solution = np.linalg.lstsq(design[:, columns], np.ones(len(design)))[0]
            if (solution >= 0).all():
                terms = np.zeros(num_terms)
                terms[columns] = solution
                yield terms
