"""The suite from Python: make an experiment, run it, read its record (docs/python.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.runner.checks import ContentOfData, check_experiment
from benchmark.runner.compose import compose_settings
from benchmark.runner.kept import KeptRun
from benchmark.runner.progress import SuiteProgress
from benchmark.runner.recorded import with_present_classes
from benchmark.runner.settings import check
from benchmark.runner.words import complete, given_values, to_word
from benchmark.runner.workers.launch import run_experiment


@dataclass(frozen=True)
class Run:
    """A run as it was recorded.

    ``result`` is the content of result.json, ``metrics`` has a row for every line of metrics.jsonl:
    ``iteration``, ``epoch``, ``seconds`` of training, and what was measured there.
    """

    experiment: Experiment
    folder: Path
    result: dict[str, Any]
    metrics: pd.DataFrame

    @cached_property
    def kept(self) -> KeptRun:
        """The state of its best validation, as recorded."""
        return KeptRun(RunFolder(self.folder))

    @property
    def model(self) -> nn.Module:
        """The network with the weights of the best validation."""
        return self.kept.model

    def evaluate(
        self, split: str = "test", *words: str, scores: str | Path | None = None, **settings: Any
    ) -> dict[str, float]:
        """Metrics from that state, under the protocol of ``words`` and ``settings``.

        Without these they are what the record has. ``scores`` as in ``KeptRun.evaluate``.

        Raises:
            UserError: If there is no such state or it does not give the recorded numbers.
        """
        asked = [*words, *_words(settings)]
        kept = KeptRun(RunFolder(self.folder), *asked) if asked else self.kept
        return kept.evaluate(split, scores)

    def predict(self, pairs: str | Path | pd.DataFrame) -> pd.DataFrame:
        """Pairs of one's own with what the state says of them, as ``KeptRun.predict``."""
        return self.kept.predict(pairs)


def experiment(*words: str, **settings: Any) -> Experiment:
    """The experiment that command-line ``words`` and ``settings`` describe.

    ``experiment("dataset.num_events=2000", system="disttgl", epochs=3)``; a dictionary stands for
    the keys below one, as in ``parallelism={"k": 2}``. The suite is the one that is named, or
    ``quick``, for its settings; it is not swept over. Files of the data set are fetched.

    Raises:
        UserError: If it cannot be run; one sentence that says what to write instead.
    """
    written = complete([*words, *_words(settings)])
    composed = compose_settings(written)
    check(composed)
    if composed["seeds"] > 1 and "seeds" in given_values(written):
        raise UserError("seeds counts runs, and an experiment is one of them; set seed.")
    command = f"benchmark.run.experiment({', '.join(map(repr, written))})"
    made = Experiment.from_config({**composed, "command": command})
    if "suite" not in given_values(written):
        made = replace(made, suite=replace(made.suite, name="python", question=""))
    check_experiment(made)
    return ContentOfData(may_download=True).put_into(made)


def run(experiment: Experiment) -> Run:
    """Run the experiment in processes of its own, unless it has finished before.

    Raises:
        UserError: If it cannot be run, is being run by another process, or has failed; says why.
    """
    folder = experiment.folder
    with folder.lock():
        if not folder.is_finished():
            check({**experiment.config(), "seeds": 1})  # what ``replace`` may have changed
            check_experiment(experiment)
            with SuiteProgress(1) as progress:
                progress.begin(experiment.label)
                folder.prepare(experiment.config())
                run_experiment(experiment, folder, progress)
    finished = load_run(folder.path)
    if finished.result["status"] != "finished":
        raise UserError(f"{experiment.label} failed: {finished.result['reason']}")
    return finished


def load_run(folder: str | Path) -> Run:
    """Read a run folder, also one of results/reference.

    Raises:
        UserError: If the folder holds no result, or a damaged one.
    """
    record = RunFolder(folder)
    if damage := record.problem():
        raise UserError(damage)
    result = record.result()
    if result is None:
        raise UserError(f"{folder} holds no result: nothing was run in it, or not to the end.")
    read = with_present_classes(Experiment.from_config(record.config()))
    return Run(read, record.path, result, pd.DataFrame(record.metrics()))


def _words(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    words = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            words += _words(value, f"{prefix}{key}.")
        else:
            words.append(to_word(f"{prefix}{key}", value))
    return words
