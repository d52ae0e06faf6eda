"""How long a network takes over a batch of CollegeMsg: no test, but a command.

``python -m tests.models.pair_speed model=dygformer`` prints milliseconds of processor time, all
threads together, of a training step and of an evaluation batch in both precisions, which take
turns. The words are those of ``benchmark.run``; the first may be a number of rounds.
``PYTHONPATH=OTHER_CHECKOUT python tests/models/pair_speed.py`` measures other code, as far as it
knows the names used here.
"""

import sys
from statistics import median
from time import process_time

import torch

from benchmark.runner.python import experiment
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.training.model_system import ModelSystem
from benchmark.training.processes import Processes

WORDS = ["dataset=uci", "protocol=tgn", "system=disttgl", "batch_size=200", "threads=1"]
PRECISIONS = ("float32", "bfloat16")
ROUNDS, WARM_UP = 10, 5


class Subject:
    """A system in the middle of its first epoch, whose evaluation memory is at the validation."""

    def __init__(self, words: list[str]) -> None:
        asked = experiment(*WORDS, *words)
        self.dataset = build_dataset(asked)
        self.system = build_system(asked, self.dataset, build_protocol(asked), Processes())
        self.steps = self.system.train_round()
        self.place = self.dataset.split.train_end

    def train(self) -> float:
        """Seconds of a training step, with the preparation of a later batch."""
        start = process_time()
        next(self.steps)
        return process_time() - start

    def evaluate(self) -> float:
        """Seconds of scoring a batch with a negative each, and of taking it in."""
        assert isinstance(self.system, ModelSystem)
        events = self.dataset.batch(self.place, self.place + 200)
        self.place += 200
        candidates = torch.stack([events.dst, events.dst.roll(1)], dim=1)
        start = process_time()
        self.system.evaluation.score(events, candidates)
        self.system.evaluation.observe(events)
        return process_time() - start


def main(words: list[str]) -> None:
    """Print the median, the smallest and the largest of so many rounds."""
    rounds = int(words.pop(0)) if words and words[0].isdigit() else ROUNDS
    torch.set_num_threads(1)
    subjects = {kind: Subject([*words, f"system.precision={kind}"]) for kind in PRECISIONS}
    times: dict[tuple[str, str], list[float]] = {}
    for turn in range(WARM_UP + rounds):
        for kind, subject in subjects.items():
            for what, measure in (("train", subject.train), ("evaluate", subject.evaluate)):
                seconds = measure()
                if turn >= WARM_UP:
                    times.setdefault((what, kind), []).append(1000 * seconds)
    for (what, kind), found in times.items():
        print(f"{what} {kind}: {median(found):.0f} ms ({min(found):.0f} to {max(found):.0f})")


if __name__ == "__main__":
    main(sys.argv[1:])
