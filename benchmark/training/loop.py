"""Training rounds, validation after or within them, test at every new best, for every system."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from benchmark.datasets.dataset import SplitName
from benchmark.protocol.walk import CatchesUp, Sharing
from benchmark.records.run_folder import RunFolder
from benchmark.training.checkpoint import Checkpoints, staged_best
from benchmark.training.processes import Processes, sent_by_interface
from benchmark.training.system import System, total_seconds


@dataclass
class TrainingState:
    """How far a run has come; everything about it that a checkpoint must hold."""

    prepare_seconds: dict[str, float] = field(default_factory=dict)  # by part
    rounds: int = 0
    iteration: int = 0
    events: int = 0  # that all processes have trained on
    train_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    cpu_seconds: dict[str, float] = field(default_factory=dict)  # of this process, by phase
    seconds_by_part: dict[str, float] = field(default_factory=dict)  # of this process
    best: dict[str, float] = field(default_factory=dict)
    # {"round", "iteration", "passed_over"} of every checkpoint gone on from; round 0 is the start
    resumed: list[dict[str, Any]] = field(default_factory=list)
    bytes_sent: dict[str, float] = field(default_factory=dict)  # by this process, by purpose


class DivergedError(ValueError):
    """A number of training is not finite; says where, and what was the last good state."""


class Evaluate(Protocol):
    """The evaluation of a task on one split."""

    def __call__(self, split: SplitName, *, sharing: Sharing) -> dict[str, float]: ...


class Training:
    """Trains ``system`` and keeps the record of it in ``folder``.

    Validation has improved where ``primary_metric``, one of those that ``evaluate`` returns, has.
    Where ``evaluate_every`` is not None, a system that ``CatchesUp`` is also validated within a
    round, at each multiple of so many iterations, which leaves its training as it is. Unless
    ``keep`` is False, ``best/`` has the state that the best validation started from.

    Source of the order of things: DistTGL's released train.py (validation after every round from
    the memory that training left, test right after a new best from the memory that validation
    left).
    """

    def __init__(
        self,
        system: System,
        evaluate: Evaluate,
        primary_metric: str,
        folder: RunFolder,
        processes: Processes,
        log_interval: int,
        test: bool = True,
        evaluate_every: int | None = None,
        keep: bool = True,
    ) -> None:
        self.system = system
        self.evaluate = evaluate
        self.primary_metric = primary_metric
        self.folder = folder
        self.processes = processes
        self.log_interval = log_interval
        self.test = test
        self.evaluate_every = evaluate_every
        self.keeps = keep and processes.rank == 0
        self.state = TrainingState()
        self.checkpoints = Checkpoints(folder, processes)
        self.unchecked: list[Tensor] = []  # losses of this process since they were last looked at

    def run(self) -> TrainingState:
        """Train all rounds that are still to do, from the last checkpoint on."""
        import torch._dynamo  # noqa: F401, PLC0415 - as optimisers do in a step, which is timed

        if not self._resume():
            self.state.prepare_seconds = self.system.prepare(self._beat)
        earlier, sent_earlier = self.state.seconds_by_part, self.state.bytes_sent
        sent = self.processes.bytes_sent
        sent.clear()  # what preparation has sent
        before = sent_by_interface(self.processes)
        while self.state.rounds < self.system.num_rounds:
            with self._cpu_time("train"):
                self._train_round()
            self.state.seconds_by_part = total_seconds([earlier, self.system.seconds_by_part])
            self.state.rounds += 1
            self._evaluate()
            if before is not None and (now := sent_by_interface(self.processes)):
                sent["interface"] = now - before
            self.state.bytes_sent = total_seconds([sent_earlier, sent])
            saved = {"training": asdict(self.state), "system": self.system.state_dict()}
            self.checkpoints.save(f"round-{self.state.rounds:06d}", saved)
        return self.state

    def _resume(self) -> bool:
        """Go on from the last checkpoint; whether there was one."""
        saved = self.checkpoints.load()
        if saved is not None:
            self.state = TrainingState(**saved["training"])
            self.system.load_state_dict(saved["system"])
        passed_over = self.checkpoints.passed_over
        for reason in passed_over:
            print(f"Checkpoint passed over: {reason}", file=sys.stderr, flush=True)
        if saved is not None or passed_over:
            at = {"round": self.state.rounds, "iteration": self.state.iteration}
            self.state.resumed.append(at | {"passed_over": passed_over})
        return saved is not None

    @contextmanager
    def _cpu_time(self, phase: str) -> Iterator[None]:
        """Count the CPU seconds within, of all threads, for a phase; not those of one inside."""
        start, counted = time.process_time(), sum(self.state.cpu_seconds.values())
        yield
        inside = sum(self.state.cpu_seconds.values()) - counted
        spent = {phase: time.process_time() - start - inside}
        self.state.cpu_seconds = total_seconds([self.state.cpu_seconds, spent])

    def _train_round(self) -> None:
        state, system = self.state, self.system
        total = system.num_rounds * system.iterations_per_round
        start = time.perf_counter()
        before = state.train_seconds
        num_events = 0
        for step in system.train_round():
            state.iteration += 1
            num_events += step.num_events
            self.unchecked.append(step.loss.detach())
            logged = state.iteration % self.log_interval == 0
            # Looking at losses waits for the device: only after that the clock tells its time.
            losses = self._checked_losses() if logged or self._validates_now() else []
            state.train_seconds = before + time.perf_counter() - start
            self._beat("train", state.iteration, total)
            if logged:
                self._log({"loss": losses[-1]})
            if self._validates_now():
                start += self._evaluate_within()
        self._checked_losses()
        state.train_seconds = before + time.perf_counter() - start
        state.events += int(self.processes.sum(torch.tensor(num_events)))

    def _checked_losses(self) -> list[float]:
        """The losses since the last call; a collective call.

        Looked at together where one has to reach the host anyway. Raises ``DivergedError``, on all
        processes, for the first that is not finite.
        """
        if not self.unchecked:
            return []
        losses: list[float] = self.processes.sum(torch.stack(self.unchecked)).tolist()
        self.unchecked.clear()
        first = self.state.iteration - len(losses) + 1
        for iteration, loss in enumerate(losses, start=first):
            if not math.isfinite(loss):
                raise self._diverged("the loss, or its gradient,", loss, iteration)
        return losses

    def _diverged(self, what: str, value: float, iteration: int) -> DivergedError:
        per_round, newest = self.system.iterations_per_round, self.checkpoints.newest
        batch, number = (iteration - 1) % per_round + 1, (iteration - 1) // per_round + 1
        good = f"the last good checkpoint is {newest}" if newest else "there is no checkpoint yet"
        cause = self.system.flaw_of_data() or (
            "features are finite, so lower learning_rate, or set system.learning_rate_scale=none"
        )
        return DivergedError(
            f"{what} is {value} at iteration {iteration} (batch {batch} of {per_round} in round "
            f"{number}); {good}; {cause}"
        )

    def _validates_now(self) -> bool:
        """Whether it is time to between two iterations; at its end a round is validated anyway."""
        at, every = self.state.iteration, self.evaluate_every
        return every is not None and at % every == 0 and at % self.system.iterations_per_round != 0

    def _evaluate_within(self) -> float:
        """Validate between two iterations of a round; the seconds it took."""
        start = time.perf_counter()
        self._evaluate(within=True)
        return time.perf_counter() - start

    def _evaluate(self, within: bool = False) -> None:
        start, system = time.perf_counter(), self.system
        with self._cpu_time("evaluate"):
            if within:
                assert isinstance(system, CatchesUp), "the suite asks no other for evaluate_every"
                system.catch_up()
            with self._staged() as keep:
                values = self._prefixed("validation", self._scores("validation"))
                metric = f"validation_{self.primary_metric}"
                if not math.isfinite(values[metric]):
                    raise self._diverged(metric, values[metric], self.state.iteration)
                if not self.state.best or values[metric] > self.state.best[metric]:
                    if self.test:
                        values |= self._prefixed("test", self._scores("test"))
                    self.state.best = values | {"best_iteration": self.state.iteration}
                    keep(self.state.best)
        self.state.evaluate_seconds += time.perf_counter() - start
        self._log(values)

    def _staged(self) -> AbstractContextManager[Callable[[dict[str, float]], None]]:
        """What lets ``best/`` hold the state as it is now; where nothing is kept, it does not."""
        if not self.keeps:
            return nullcontext(lambda metrics: None)
        return staged_best(self.folder, {"system": self.system.evaluation_state()})

    def _scores(self, split: SplitName) -> dict[str, float]:
        rank, world_size = self.processes.rank, self.processes.world_size
        sharing = Sharing(rank, world_size, self.processes.sum, self._beater(split))
        return self.evaluate(split, sharing=sharing)

    def _prefixed(self, prefix: str, scores: dict[str, float]) -> dict[str, float]:
        return {f"{prefix}_{name}": value for name, value in scores.items()}

    def _beater(self, phase: str) -> Callable[[int, int], None]:
        return lambda done, total: self._beat(phase, done, total)

    def _beat(self, phase: str, done: int, total: int) -> None:
        self.folder.heartbeat(self.processes.rank, phase, done, total)

    def _log(self, values: dict[str, Any]) -> None:
        if self.processes.rank != 0:
            return
        state, system = self.state, self.system
        epochs = state.iteration / system.iterations_per_round * system.epochs_per_round
        self.folder.log(
            {
                "iteration": state.iteration,
                "epoch": round(epochs, 6),
                "seconds": state.train_seconds,
                **values,
            }
        )
