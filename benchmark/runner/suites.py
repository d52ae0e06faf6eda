"""A suite and the experiments it expands to."""

import itertools
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.machine.cores import num_devices
from benchmark.runner.checks import ContentOfData, check_experiment
from benchmark.runner.compose import compose_settings, given_values, to_word
from benchmark.runner.settings import check

Point = dict[str, Any]  # keys of the configuration and the values they take
PROBLEMS_SHOWN = 3


@dataclass(frozen=True)
class Suite:
    """The experiments that answer one question.

    ``problems`` says, by fingerprint, why some of them cannot be run.
    """

    name: str
    figures: list[str]
    results_dir: str
    command: str
    experiments: list[Experiment]
    problems: dict[str, str] = field(default_factory=dict)


def expand(words: list[str], may_download: bool = True) -> Suite:
    """The suite that these command-line words name, narrowed by them; raises ``UserError``.

    Seeds are the outermost axis, so that the experiments to be compared run one after the other. A
    suite with ``fit_hardware`` leaves out those with more processes than there are cores or GPUs,
    and one with ``optional`` those of systems that are not installed and were not asked for. Files
    of data sets are fetched, so that what they hold identifies the experiments, if ``may_download``
    is set. Where no experiment can be run, the reasons are raised.
    """
    command = shlex.join(["python", "-m", "benchmark.run", *words])
    settings = compose_settings(words)
    suite, given = settings["suite"], given_values(words)
    experiments: dict[str, Experiment] = {}
    problems: dict[str, str] = {}
    content = ContentOfData(may_download)
    for point in _points(suite, given):
        chosen = [to_word(key, value) for key, value in point.items() if key not in given]
        composed = compose_settings([*chosen, *words])
        check(composed)
        if "system" not in given and not _installed(composed):
            continue
        experiment = Experiment.from_config({**composed, "command": command})
        if composed["suite"]["fit_hardware"] and _too_large(experiment):
            continue
        problem: str | None = None
        try:
            check_experiment(experiment)
            experiment = content.put_into(experiment)
        except UserError as error:
            problem = str(error)
        for seed in range(composed["seeds"]):
            one = replace(experiment, seed=seed)
            experiments.setdefault(one.fingerprint, one)
            if problem is not None:
                problems[one.fingerprint] = problem
    if not experiments:
        raise UserError(
            f"Every experiment of suite {suite['name']} needs more processes than the "
            f"{num_devices(settings['device'])} devices here; add suite.fit_hardware=false."
        )
    if len(problems) == len(experiments):
        distinct = list(dict.fromkeys(problems.values()))
        more = len(distinct) - PROBLEMS_SHOWN
        rest = [f"And {more} more."] if more > 0 else []
        raise UserError(" ".join([*distinct[:PROBLEMS_SHOWN], *rest]))
    return Suite(
        suite["name"],
        list(suite["figures"]),
        settings["results_dir"],
        command,
        sorted(experiments.values(), key=lambda experiment: experiment.seed),
        problems,
    )


def _too_large(experiment: Experiment) -> bool:
    """Whether it could be run on more cores or GPUs than there are here, and not on these."""
    processes = experiment.processes
    divides = experiment.parallelism.num_trainers % processes == 0
    return divides and processes > num_devices(experiment.device)


def _installed(composed: dict[str, Any]) -> bool:
    """Whether the package that the system needs, if the suite says so, can be imported."""
    package = composed["suite"]["optional"].get(composed["choices"]["system"])
    return package is None or find_spec(package) is not None


def _points(suite: dict[str, Any], given: Point) -> Iterator[Point]:
    axes = [narrow(walk(axis, suite["name"]), given) for axis in suite["sweep"]]
    for parts in itertools.product(*axes):
        yield {key: value for part in parts for key, value in part.items()}


def walk(axis: dict[str, list[Any]], suite: str) -> list[Point]:
    """The points of one axis, whose keys take their values together."""
    lengths = {key: len(values) for key, values in axis.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise UserError(
            f"An axis of suite {suite} needs lists of one length, at least 1, not {lengths}."
        )
    return [dict(zip(axis, values, strict=True)) for values in zip(*axis.values(), strict=True)]


def narrow(points: list[Point], given: Point) -> list[Point]:
    """Keep the points that have a given value; where none has it, give it to all of them."""
    for key in [key for key in given if key in points[0]]:
        matching = [point for point in points if point[key] == given[key]]
        points = matching or [{**point, key: given[key]} for point in points]
    return [point for index, point in enumerate(points) if point not in points[:index]]
