"""The three degrees of DistTGL's parallelism and every question about ranks."""

import re
from dataclasses import asdict, dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """Where a logical trainer stands among the i x j x k trainers."""

    group: int  # 0 .. k-1, the trainers that share one copy of the node memory
    sub_group: int  # 0 .. j-1, whose turn it is to read and write memory goes round over these
    member: int  # 0 .. i-1, which local batch of the global batch


@dataclass(frozen=True)
class Parallelism:
    """i x j x k: mini-batch, epoch and memory parallelism (DistTGL, section 3.2).

    Logical trainers are numbered 0 .. i*j*k-1 with the member running fastest and the group
    slowest, as in the authors' code. Processes host equal, contiguous blocks of them.

    Raises:
        ValueError: If a degree is not a positive integer.
    """

    i: int = 1
    j: int = 1
    k: int = 1

    def __post_init__(self) -> None:
        for name, degree in asdict(self).items():
            if not isinstance(degree, int) or isinstance(degree, bool) or degree < 1:
                raise ValueError(
                    f"parallelism.{name} is {degree!r}; give a whole number of at least 1."
                )

    @classmethod
    def parse(cls, text: str) -> "Parallelism":
        """The parallelism that ``text`` such as "2x2x8" names."""
        match = re.fullmatch(r"\s*(\d+)\s*x\s*(\d+)\s*x\s*(\d+)\s*", text)
        if match is None:
            raise ValueError(f"{text!r} is not a parallelism; write i x j x k like 2x2x8.")
        return cls(*(int(degree) for degree in match.groups()))

    @property
    def num_trainers(self) -> int:
        return self.i * self.j * self.k

    @property
    def trainers_per_copy(self) -> int:
        return self.i * self.j

    def place(self, trainer: int) -> Place:
        """The group, sub-group and member of a trainer."""
        self._check_below(trainer, self.num_trainers, "trainer")
        group, rank_in_group = divmod(trainer, self.trainers_per_copy)
        return Place(group, *divmod(rank_in_group, self.i))

    def trainer(self, group: int, sub_group: int, member: int) -> int:
        """The trainer at a place."""
        self._check_below(group, self.k, "group")
        self._check_below(sub_group, self.j, "sub-group")
        self._check_below(member, self.i, "member")
        return (group * self.j + sub_group) * self.i + member

    def trainers_of_group(self, group: int) -> range:
        """The i*j trainers of a group."""
        first = self.trainer(group, 0, 0)
        return range(first, first + self.trainers_per_copy)

    def trainers_of(self, process: int, num_processes: int) -> range:
        """The trainers that a process hosts."""
        self._check_below(process, num_processes, "process")
        block = self._trainers_per_process(num_processes)
        return range(process * block, (process + 1) * block)

    def process_of(self, trainer: int, num_processes: int) -> int:
        """The process that hosts a trainer."""
        self._check_below(trainer, self.num_trainers, "trainer")
        return trainer // self._trainers_per_process(num_processes)

    def groups_of(self, process: int, num_processes: int) -> range:
        """The groups of which a process hosts at least one trainer."""
        trainers = self.trainers_of(process, num_processes)
        return range(self.place(trainers[0]).group, self.place(trainers[-1]).group + 1)

    def processes_of(self, group: int, num_processes: int) -> range:
        """The processes that share the memory copy of a group; the first one owns it."""
        trainers = self.trainers_of_group(group)
        first, last = (self.process_of(t, num_processes) for t in (trainers[0], trainers[-1]))
        return range(first, last + 1)

    def _trainers_per_process(self, num_processes: int) -> int:
        if num_processes < 1 or self.num_trainers % num_processes:
            raise ValueError(
                f"The {self.num_trainers} trainers of {self} cannot be spread evenly over "
                f"{num_processes} processes; choose a number that divides {self.num_trainers}."
            )
        return self.num_trainers // num_processes

    @staticmethod
    def _check_below(index: int, count: int, name: str) -> None:
        if not 0 <= index < count:
            raise IndexError(f"There is no {name} {index}; there are {count}, counted from 0.")

    def __str__(self) -> str:
        return f"{self.i}x{self.j}x{self.k}"
