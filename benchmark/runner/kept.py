"""A finished run to be asked again: scored under a protocol, or about pairs of the user's own."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from benchmark.datasets.candidate_pairs import candidate_pairs
from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.errors import UserError, choose, one_sentence
from benchmark.experiment import Experiment, Machines
from benchmark.machine.environment import environment
from benchmark.parallelism import Parallelism
from benchmark.protocol.walk import batches
from benchmark.records.run_folder import RunFolder
from benchmark.records.seal import read_environment
from benchmark.runner.checks import check_classes
from benchmark.runner.recorded import with_present_classes, with_words
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.tasks.choices import check_group
from benchmark.tasks.readout import Readout, check_score_file, write_score_file
from benchmark.tasks.task import TrainedTask, Trial
from benchmark.training.checkpoint import read_best
from benchmark.training.processes import Processes

SPLITS: dict[str, SplitName] = {"validation": "validation", "test": "test"}
PAIRS_AT_ONCE = 4096
ROUNDING = 5e-3  # of a metric, relative: what another machine or library may change at most
MACHINE = ("cpu", "gpus", "threads_per_process", "libraries", "python")


class KeptRun:
    """The run in ``folder`` with the state of its best validation, on one process.

    ``words`` as on the command line choose another protocol, or places and devices of this machine.

    Raises:
        UserError: If the run has not finished, has no such state, or the words change more; so do
            all methods, for anything that cannot be answered.
    """

    def __init__(self, folder: RunFolder, *words: str) -> None:
        self.folder = folder
        self.result = _finished(folder)
        self.recorded = with_present_classes(Experiment.from_config(folder.config()))
        asked = with_words(self.recorded, list(words))
        self.asks_as_recorded = asked.protocol == self.recorded.protocol
        self.experiment = replace(
            asked, parallelism=Parallelism(), processes=1, machines=Machines()
        )
        with _sentences():
            check_classes(self.recorded)
            if not self.asks_as_recorded:
                check_group(asked, "protocol")
            task = instantiate(self.recorded.task, _convert_="all")
            if not isinstance(task, TrainedTask):
                raise UserError(f"{folder.path} trains nothing, so that there is nothing to ask.")
            self.task: TrainedTask = task
            self.kept = read_best(folder.path, self.result["metrics"])

    def evaluate(self, split: str = "test", scores: str | Path | None = None) -> dict[str, float]:
        """Metrics of "validation" or "test", named as in the record, equal to it where it has them.

        ``scores`` is a file, .npz or .parquet, for what they are of: a row for each event.
        """
        path = None if scores is None else Path(scores)
        with _sentences(), self._threads():
            chosen = choose("split", split, SPLITS)
            if path is not None:
                check_score_file(path)
            readout = self._readout()
            first = 0 if readout.restarts else self.dataset.split.range(chosen).start
            for batch in takewhile(lambda batch: batch.start < first, self._walk(readout)):
                self.system.observe(batch)
            columns: dict[str, torch.Tensor] = {}
            found = readout.evaluate(chosen, on_columns=columns.update if path else None)
            metrics = {f"{split}_{name}": value for name, value in found.items()}
            if self.asks_as_recorded:
                self._compare(metrics)
            if path is not None:
                write_score_file(path, columns)
        return metrics

    def predict(self, pairs: str | Path | pd.DataFrame) -> pd.DataFrame:
        """The ``source``, ``destination`` and ``time`` of pairs, and what the run says of each.

        A pair is asked about at its time, in the batch of the stream that it would be in: memory
        has taken in all batches before, of training, validation and test, and nothing later.
        """
        with _sentences(), self._threads():
            fractional = self.experiment.dataset.get("fractional_times", "refuse")
            given = Path(pairs) if isinstance(pairs, str) else pairs
            asked = candidate_pairs(given, self.dataset, fractional)
            readout = self._readout()
            answers = np.full((len(asked.frame), len(readout.answers)), np.nan)
            order = asked.places.argsort(kind="stable")
            answered, end = 0, self.dataset.num_events
            for batch in [*self._walk(readout), self.dataset.batch(end, end)]:
                stop = batch.start + len(batch) if len(batch) else end + 1
                upto = int(np.searchsorted(asked.places[order], stop))
                for first in range(answered, upto, PAIRS_AT_ONCE):
                    rows = order[first : min(first + PAIRS_AT_ONCE, upto)]
                    some = asked.events.select(torch.from_numpy(rows))
                    found = readout.ask(replace(some, start=batch.start))
                    answers[rows] = found.to("cpu", torch.float64).numpy()
                answered = upto
                if len(batch):
                    self.system.observe(batch)
            return asked.frame.assign(**dict(zip(readout.answers, answers.T, strict=True)))

    @property
    def model(self) -> nn.Module:
        """The network with its best weights; its node memory is the system's."""
        network = getattr(self.system, "model", None)
        if not isinstance(network, nn.Module):
            raise UserError(f"system={self.experiment.choices['system']} has no network.")
        return network.eval()

    @cached_property
    def dataset(self) -> Dataset:
        """The stream of the run."""
        with _sentences():
            return build_dataset(self.experiment)

    @cached_property
    def protocol(self) -> Any:
        """The protocol that is asked for."""
        with _sentences():
            return build_protocol(self.experiment)

    @cached_property
    def system(self) -> Any:
        """The system with the state that is kept; training with it needs more."""
        with _sentences(), self._threads():
            built = build_system(
                self.experiment, self.dataset, self.protocol, Processes(), self.task.goal
            )
            built.close()  # what only training needs
            built.load_state_dict(self.kept["system"])
            return built

    def _readout(self) -> Readout:
        """What asks the system, which starts from the kept state again."""
        self.system.load_state_dict(self.kept["system"])
        trial = Trial(
            self.experiment, self.folder, Processes(), self.dataset, self.protocol, self.system
        )
        return self.task.readout(trial, self.kept)

    def _walk(self, readout: Readout) -> Iterator[EventBatch]:
        """The batches that evaluation has observed since the kept state, in their order."""
        split, size = self.dataset.split, self.experiment.batch_size
        parts = [split.range("validation"), split.range("test")]
        if readout.restarts:
            parts = [range(split.num_events)]
        for events in parts:
            yield from batches(self.dataset, events, size)

    def _compare(self, metrics: dict[str, float]) -> None:
        """Warn where rounding differs from the record; raise ``UserError`` for anything more."""
        known = self.result["metrics"]
        apart = {
            name: abs(value - known[name])
            for name, value in metrics.items()
            if name in known and value != known[name]
        }
        if not apart:
            return
        name = max(apart, key=lambda each: apart[each])
        said = f"{name} is {metrics[name]} and the record of {self.folder.path} says {known[name]}"
        if apart[name] > ROUNDING * abs(known[name]):
            raise UserError(
                f"{said}: the code or the libraries have changed what the state means; evaluate "
                "with the versions in environment.json, or run the experiment again."
            )
        warnings.warn(f"{said}; {self._differences()}.", stacklevel=3)

    def _differences(self) -> str:
        """What of the machine is not as recorded, which may round otherwise."""
        then, now = self._environment, environment(torch.get_num_threads())
        found = [f"{each} is {now[each]}, was {then.get(each)}" for each in MACHINE
                 if now[each] != then.get(each)]  # fmt: skip
        return f"rounding differs where {'; '.join(found)}" if found else "rounding differs"

    @cached_property
    def _environment(self) -> dict[str, Any]:
        return read_environment(self.folder.path)

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """As many threads as when it was recorded: on more of them sums round otherwise."""
        before, own = torch.get_num_threads(), self.experiment.threads_per_process
        recorded = self.recorded.threads == self.experiment.threads
        torch.set_num_threads(
            self._environment.get("threads_per_process", own) if recorded else own
        )
        try:
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def _sentences() -> Iterator[None]:
    """Every refusal as a ``UserError``."""
    try:
        yield
    except UserError:
        raise
    except (ValueError, OSError, ImportError, InstantiationException) as error:
        raise UserError(one_sentence(error)) from error


def _finished(folder: RunFolder) -> dict[str, Any]:
    if damage := folder.problem():
        raise UserError(damage)
    result = folder.result()
    if result is None:
        raise UserError(f"{folder.path} holds no result: nothing was run in it, or not to the end.")
    if result["status"] != "finished":
        raise UserError(f"{folder.path} is a run that failed: {result.get('reason')}")
    return result
