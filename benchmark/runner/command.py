"""What the main command does, on the only machine or on each of several."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

from benchmark.errors import REFUSALS, PlaceError, one_sentence, refusal
from benchmark.experiment import Experiment, Machines
from benchmark.runner.compose import compose_settings
from benchmark.runner.progress import SuiteProgress
from benchmark.runner.suite_run import Interrupted, list_suite, run_suite, show_suite, signals_raise
from benchmark.runner.suites import Suite, expand
from benchmark.runner.words import combinations, to_word
from benchmark.runner.workers.fleet import Fleet
from benchmark.runner.workers.follower import Follower, LostHeadError
from benchmark.runner.workers.launch import follow
from benchmark.runner.workers.meeting import Meeting, find_meeting

LOCAL = ("results_dir", "datasets_root", "cache_dir")  # may differ from machine to machine


def said(act: Callable[[list[str]], int], words: list[str]) -> int:
    """What ``act`` returns; BrokenPipeError or PlaceError where what it prints is not taken."""
    try:
        return act(words)
    except OSError as error:
        if error.errno not in (errno.EPIPE, *REFUSALS):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left to say
        if error.errno == errno.EPIPE:
            raise
        if error.filename is None:
            raise PlaceError(refusal(error, "the output", key="")) from error
        raise PlaceError(one_sentence(error)) from error


def run_command(words: list[str]) -> int:
    """Run the suite that the words name, or on machines other than 0 follow; the exit code."""
    settings = compose_settings(combinations(words)[0])
    meeting = find_meeting(Machines(**settings["machines"]))
    if meeting is None:
        return run_suite(expand(words))
    patience, restarts = settings["heartbeat_seconds"], settings["machines"]["restarts"]
    if meeting.here:
        return _follow({key: settings[key] for key in LOCAL}, meeting, patience, restarts)
    return _lead(words, Fleet(meeting, patience, restarts))


def list_command(words: list[str]) -> int:
    """Print the experiments and how far they are; run and fetch nothing."""
    return list_suite(expand(words, may_download=False))


def show_command(words: list[str]) -> int:
    """Print the settings of every experiment; run and fetch nothing."""
    return show_suite(expand(words, may_download=False))


def dry_run(words: list[str]) -> int:
    """Check the suite and say what would run where; start and fetch nothing."""
    suite = expand(words, may_download=False)
    code = list_suite(suite)
    for layout in dict.fromkeys(map(_layout, _sound(suite))):
        print(layout)
    return code or int(bool(suite.problems))


def _lead(words: list[str], fleet: Fleet) -> int:
    try:
        others = [word for word in words if word.partition("=")[0] != "machines.number"]
        suite = expand([*others, to_word("machines.number", fleet.meeting.number)])
        fleet.gather()
        code = run_suite(suite, fleet)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        fleet.end(1, "interrupted" if interrupted else one_sentence(error))
        raise
    fleet.end(code)
    return code


def _follow(own: dict[str, Any], meeting: Meeting, patience: float, restarts: int) -> int:
    """Follow machine 0, and look for it again where contact is lost."""
    with signals_raise():
        while True:
            try:
                return _follow_once(own, Follower(meeting, patience))
            except LostHeadError as error:
                if restarts == 0:
                    raise
                restarts -= 1
                print(f"{error} It looks for machine 0 for {patience:g} s.", file=sys.stderr)


def _follow_once(own: dict[str, Any], follower: Follower) -> int:
    try:
        with SuiteProgress() as progress:
            code = follow(follower, own, progress)
    except BaseException as error:
        interrupted = isinstance(error, Interrupted)
        follower.leave("interrupted" if interrupted else one_sentence(error))
        raise
    follower.leave("the suite has ended")
    return code


def _sound(suite: Suite) -> list[Experiment]:
    return [each for each in suite.experiments if each.fingerprint not in suite.problems]


def _layout(experiment: Experiment) -> str:
    """Which processes, trainers and copies every machine hosts."""
    degrees, processes = experiment.parallelism, experiment.processes
    each = experiment.processes_per_machine
    lines = [
        f"{degrees}: machines {experiment.machines.number}, processes on each {each}, "
        f"trainers in each process {degrees.num_trainers // processes}"
    ]
    for machine in range(experiment.machines.number):
        first, last = machine * each, (machine + 1) * each - 1
        trainers = range(
            degrees.trainers_of(first, processes).start, degrees.trainers_of(last, processes).stop
        )
        copies = range(degrees.place(trainers[0]).group, degrees.place(trainers[-1]).group + 1)
        lines.append(
            f"  machine {machine}: ranks {first}-{last}, trainers {trainers[0]}-{trainers[-1]}, "
            f"memory copies {copies[0]}-{copies[-1]}"
        )
    return "\n".join(lines)
