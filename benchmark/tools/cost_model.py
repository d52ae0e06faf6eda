"""How long an iteration takes on one or more machines.

On one machine by a few non-negative terms, fitted: trainers that share a copy of node memory are
served in turn by its daemon (DistTGL, Algorithm 1), copies on one machine compete for its main
memory (text on Figure 12), and all trainers average their gradients in every iteration, over a
ring. What a network between machines adds is not fitted: it follows from the bytes that were
counted and the rate that was measured.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import nnls

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
    def parse(cls, parallelism: str) -> "Layout":
        """The layout of "ixjxk" on one machine."""
        return cls(*map(int, parallelism.split("x")))

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
    """Seconds of one iteration: alone, and for each further sharer of a copy, copy on the machine,
    sending of all gradients over the slowest link, and machine."""

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


@dataclass(frozen=True)
class Link:
    """A network as measured: bytes per second, and seconds of a message without content."""

    rate: float
    message: float = 0.0


@dataclass(frozen=True)
class Traffic:
    """What a machine sends in an iteration: bytes, and messages of which each waits for another."""

    num_bytes: float
    messages: int

    @classmethod
    def of_iteration(cls, num_bytes: float, machines: int, sharded: bool) -> "Traffic":
        """A ring passes gradients on in 2 (machines - 1) steps; node memory that is ``sharded``
        takes three messages to read (how much, ids, rows) and two to write (how much, rows)."""
        return cls(num_bytes, 2 * (machines - 1) + (5 if sharded else 0))

    def seconds(self, link: Link) -> float:
        """How long it takes if nothing is computed meanwhile."""
        return self.num_bytes / link.rate + self.messages * link.message


def over(link: Link, seconds: float, measured_over: Link, sent: Traffic) -> float:
    """Seconds of an iteration over ``link``, of which ``seconds`` were measured over another."""
    return seconds - sent.seconds(measured_over) + sent.seconds(link)


def fit(layouts: Sequence[Layout], seconds: Sequence[float]) -> list[CostModel]:
    """The non-negative least squares fit to ``seconds`` per iteration, by relative error.

    More than one model comes back where the layouts cannot tell terms apart: those of independent
    terms, between which all equally good ones lie. A term that no layout has is 0.

    Raises ValueError if there is no observation or one is not positive.
    """
    times = np.array(seconds, dtype=float)
    if not len(times) or not (times > 0).all():
        raise ValueError(f"seconds per iteration are {list(seconds)}; give one or more, all > 0")
    design = np.array([layout.loads() for layout in layouts]) / times[:, None]
    best = nnls(design, np.ones(len(times)))[1] + EQUALLY_GOOD
    found = {}
    for size in range(1, design.shape[1] + 1):
        for terms in map(list, combinations(range(design.shape[1]), size)):
            part, solution = design[:, terms], np.zeros(design.shape[1])
            if np.linalg.matrix_rank(part) == size:
                solution[terms], error = nnls(part, np.ones(len(times)))
                if error <= best:
                    found[tuple(np.round(solution, 12))] = CostModel(*solution.tolist())
    return list(found.values())
