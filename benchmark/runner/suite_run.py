"""Runs the experiments of a suite one after the other and shows what came out."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from benchmark.errors import PlaceError, UserError, one_sentence
from benchmark.experiment import Experiment
from benchmark.machine.process_tree import child_environment
from benchmark.records.run_folder import RunFolder
from benchmark.records.seal import DRAWN
from benchmark.runner.mirrors.mirrors import Mirrors
from benchmark.runner.progress import SuiteProgress
from benchmark.runner.suites import Suite
from benchmark.runner.tables.columns import Row, print_table, settings_of
from benchmark.runner.tables.comparison import compare, print_comparison, recorded_runs
from benchmark.runner.tables.peers import machines, peer_speeds, print_peers
from benchmark.runner.tables.speedup import print_speedups, speedups
from benchmark.runner.workers.fleet import Fleet
from benchmark.runner.workers.launch import run_experiment
from benchmark.storage.files import collect_leftovers, scratch
from benchmark.tasks.build import cache_folder

FIGURES_SECONDS = 600
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end; holds the signal's number."""


def run_suite(suite: Suite, fleet: Fleet | None = None) -> int:
    """Run what has not finished, print the table and draw the figures; returns the exit code.

    ``fleet`` holds the machines, where there are several.

    Raises ``Interrupted`` on Ctrl-C or when asked to end, with no process left behind.
    """
    mirrors = Mirrors(suite.experiments[0].wandb.mode)
    records = Path(suite.results_dir) / suite.name
    with signals_raise():
        for place in {records, *map(cache_folder, suite.experiments)}:
            collect_leftovers(place)
        try:
            with SuiteProgress(len(suite.experiments)) as progress:
                rows = [_run_one(suite, one, mirrors, progress, fleet) for one in suite.experiments]
            _print_tables(suite, rows)
            print(f"Records: {records}", flush=True)
            finished = [row["status"] == "finished" for row in rows]
            if any(finished):
                _draw(suite, records)
                mirrors.send_figures(records / DRAWN)
            for warning in mirrors.close():
                print(f"W&B mirror: {warning}. The record is complete without it.", file=sys.stderr)
        finally:
            mirrors.stop()
    return 0 if all(finished) else 1


def _print_tables(suite: Suite, rows: list[Row]) -> None:
    print_table(rows)
    folders = [one.folder for one in suite.experiments if one.folder.problem() is None]
    print_comparison(compare(folders, _recorded(suite)))
    print_speedups(speedups(folders))
    print_peers(peer_speeds(folders), machines(folders))


def list_suite(suite: Suite) -> int:
    """Print the experiments and how far they are; run nothing."""
    print_table([_row(suite, experiment) for experiment in suite.experiments])
    return 0


def show_suite(suite: Suite) -> int:
    """Print the settings of every experiment as its ``config.yaml`` would hold them."""
    for experiment in suite.experiments:
        print(f"--- # {experiment.label}")
        print(yaml.safe_dump(experiment.config(), sort_keys=False, allow_unicode=True), end="")
    return 0


def _recorded(suite: Suite) -> list[RunFolder]:
    """What has been recorded beside the suite, by it or by others."""
    folder = Path(suite.results_dir)
    found = recorded_runs(folder)[0] if folder.is_dir() else []
    return [one for one in found if one.problem() is None]


def _run_one(
    suite: Suite,
    experiment: Experiment,
    mirrors: Mirrors,
    progress: SuiteProgress,
    fleet: Fleet | None,
) -> Row:
    """Run one experiment unless it has finished or cannot be run; its row of the table."""
    folder = experiment.folder
    progress.begin(experiment.label)
    if problem := suite.problems.get(experiment.fingerprint):
        progress.end(f"failed {problem}")
        return _row(suite, experiment)
    if folder.is_finished():  # its folder need not be one that can be written to
        progress.end("finished before, skipped")
        return _row(suite, experiment)
    try:
        with folder.lock():
            if folder.is_finished():
                progress.end("finished before, skipped")
            else:
                _run_now(experiment, folder, mirrors, progress, fleet)
    except UserError as error:
        progress.end(str(error))
        return {**_known(experiment), "status": "busy", "reason": str(error)}
    except (PlaceError, OSError) as error:
        progress.end(f"failed {one_sentence(error)}")
        return {**_known(experiment), "status": "failed", "reason": one_sentence(error)}
    return _row(suite, experiment)


def _run_now(
    experiment: Experiment,
    folder: RunFolder,
    mirrors: Mirrors,
    progress: SuiteProgress,
    fleet: Fleet | None,
) -> None:
    resumes = ", goes on from its checkpoint" if folder.resumable() else ""
    progress.say(f"output in {folder.log_path}{resumes}")
    if damage := folder.problem():
        progress.say(f"{damage}: it is run again")
    folder.prepare(experiment.config())
    mirrors.begin(folder)
    run_experiment(experiment, folder, progress, fleet)
    mirrors.end(folder)
    result: dict[str, Any] = folder.result() or {}
    progress.end(f"{result['status']} {result.get('reason', '')}".strip())


def _row(suite: Suite, experiment: Experiment) -> Row:
    """The result of an experiment, or what is known of it without one."""
    if problem := suite.problems.get(experiment.fingerprint):
        return {**_known(experiment), "status": "failed", "reason": problem}
    folder = experiment.folder
    if damage := folder.problem():
        return {**_known(experiment), "status": "unreadable", "reason": damage}
    result = folder.result()
    if result is not None:
        return _known(experiment) | result
    return {**_known(experiment), "status": "unfinished" if folder.resumable() else "to do"}


def _known(experiment: Experiment) -> Row:
    """What the table shows of an experiment before it runs."""
    return {**experiment.describe(), "settings": settings_of(experiment)}


def _draw(suite: Suite, folder: Path) -> None:
    """Draw the suite's figures; a failure is reported and no more."""
    if not suite.figures:
        return
    out = folder / DRAWN
    command = [sys.executable, "-m", "paper_figures", "--results", str(folder), "--out", str(out)]
    try:
        with scratch() as temporary:
            subprocess.run(
                [*command, *suite.figures],
                timeout=FIGURES_SECONDS,
                check=True,
                env=child_environment() | {"TMPDIR": str(temporary)},
            )
    except OSError as error:
        print(f"The figures were not drawn: {one_sentence(error)}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"Not all figures were drawn (exit code {error.returncode}).", file=sys.stderr)
    except subprocess.TimeoutExpired:
        print(f"The figures were not done after {FIGURES_SECONDS} s.", file=sys.stderr)


@contextmanager
def signals_raise() -> Iterator[None]:
    """Within, the first signal that asks for the end raises ``Interrupted``.

    Later ones are ignored, so that ending the processes, which takes seconds, is not cut short. One
    that was ignored before, as nohup and a shell's background do, stays ignored.
    """
    wanted = [each for each in ENDING if signal.getsignal(each) != signal.SIG_IGN]

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in wanted:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
