"""A suite and the experiments it expands to."""

import itertools
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.machine.place import num_devices
from benchmark.runner.checks import ContentOfData, check_experiment
from benchmark.runner.compose import compose_settings
from benchmark.runner.settings import check
from benchmark.runner.words import changes_nothing, combinations, given_values, spelled_out, to_word

Point = dict[str, Any]  # keys of the configuration and the values they take
PROBLEMS_SHOWN = 3
VARIABLES = (
    "DATASETS_ROOT", "PYTHONPATH", "CUDA_VISIBLE_DEVICES", "WANDB_MODE", "WANDB_BASE_URL",
    "WANDB_ENTITY", "NUMBA_CACHE_DIR", "TMPDIR", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME",
)  # fmt: skip


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


def pasted(words: list[str]) -> str:
    """The command with the variables of the environment that decide what it does."""
    known = [f"{name}={shlex.quote(os.environ[name])}" for name in VARIABLES if name in os.environ]
    active = shutil.which("python")  # not that of an environment which is called by its path
    python = "python" if active and os.path.samefile(active, sys.executable) else sys.executable
    return " ".join([*known, _command(words, python)])


def _command(words: list[str], python: str = "python") -> str:
    return shlex.join([python, "-m", "benchmark.run", *words])


def expand(words: list[str], may_download: bool = True) -> Suite:
    """The suite that these command-line words name, narrowed by them; raises ``UserError``.

    A word with several values, as in ``system=tgn,tgl``, multiplies the experiments. Seeds are the
    outermost axis, so that the experiments to be compared run one after the other. A suite with
    ``fit_hardware`` leaves out those with more processes than there are cores or GPUs, and one with
    ``optional`` those of systems that are not installed and were not asked for. Files of data sets
    are fetched, so that what they hold identifies the experiments, if ``may_download`` is set.
    Where no experiment can be run, the reasons are raised.
    """
    command = _command(words)
    written = combinations(words)
    chosen = [compose_settings(one) for one in written]
    settings = chosen[0]
    experiments: dict[str, Experiment] = {}
    problems: dict[str, str] = {}
    content = ContentOfData(may_download)
    for composed in itertools.chain.from_iterable(map(_composed, written, chosen)):
        experiment = _with_threads(Experiment.from_config({**composed, "command": command}))
        if composed["suite"]["fit_hardware"] and _too_large(experiment):
            continue
        problem: str | None = None
        try:
            check_experiment(experiment)
            experiment = content.put_into(experiment)
        except UserError as error:
            problem = str(error)
        for seed in _seeds(composed):
            one = replace(experiment, seed=seed)
            experiments.setdefault(one.fingerprint, one)
            if problem is not None:
                problems[one.fingerprint] = problem
    if not experiments:
        raise UserError(
            f"Every experiment of suite {settings['suite']['name']} needs more processes than the "
            f"{num_devices(settings['device'])} devices here; add suite.fit_hardware=false."
        )
    if len(problems) == len(experiments):
        distinct = list(dict.fromkeys(problems.values()))
        more = len(distinct) - PROBLEMS_SHOWN
        rest = [f"And {more} more."] if more > 0 else []
        raise UserError(" ".join([*distinct[:PROBLEMS_SHOWN], *rest]))
    return Suite(
        settings["suite"]["name"],
        list(settings["suite"]["figures"]),
        settings["results_dir"],
        command,
        sorted(experiments.values(), key=lambda experiment: experiment.seed),
        problems,
    )


def _composed(words: list[str], settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The settings of every point of the suite that the words, each with one value, leave.

    ``settings`` are those of the words alone.
    """
    suite, given = settings["suite"], given_values(words)
    for point in _points(suite, given):
        chosen = [to_word(key, value) for key, value in point.items() if key not in given]
        composed = compose_settings([*chosen, *words]) if chosen else settings
        if "seeds" in given and composed["seed"] is not None:
            raise UserError(
                "seed and seeds are both set; seed=A,B names them, seeds=N counts them."
            )
        check(composed)
        if "system" in given or _installed(composed):
            yield composed


def _seeds(composed: dict[str, Any]) -> Iterable[int]:
    return range(composed["seeds"]) if composed["seed"] is None else [composed["seed"]]


def _with_threads(experiment: Experiment) -> Experiment:
    """Bits depend on the number of threads, so it is the same on all of several machines."""
    if experiment.machines.number == 1:
        return experiment
    return replace(experiment, threads=experiment.threads_per_process)


def _too_large(experiment: Experiment) -> bool:
    """Whether it could be run on more cores or GPUs than there are here, and not on these."""
    processes = experiment.processes
    divides = experiment.parallelism.num_trainers % processes == 0
    return divides and experiment.processes_per_machine > num_devices(experiment.device)


def _installed(composed: dict[str, Any]) -> bool:
    """Whether the package that the system needs, if the suite says so, can be imported."""
    package = composed["suite"]["optional"].get(composed["choices"]["system"])
    return package is None or find_spec(package) is not None


def _points(suite: dict[str, Any], given: Point) -> Iterator[Point]:
    axes = [narrow(walk(axis, suite["name"]), given) for axis in suite["sweep"]]
    keys = [key for axis in axes for key in axis[0]]
    for key in keys:
        if keys.count(key) > 1:
            raise UserError(f"Suite {suite['name']} sweeps over {key} twice; write it once.")
        if changes_nothing(key):
            raise UserError(
                f"Suite {suite['name']} sweeps over {key}, which changes nothing of what is "
                "computed; set it beside the sweep."
            )
    for parts in itertools.product(*axes):
        yield {key: value for part in parts for key, value in part.items()}


def walk(axis: dict[str, list[Any]], suite: str) -> list[Point]:
    """The points of one axis, whose keys take their values together."""
    lengths = {key: len(values) for key, values in axis.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise UserError(
            f"An axis of suite {suite} needs lists of one length, at least 1, not {lengths}."
        )
    points = [dict(zip(axis, values, strict=True)) for values in zip(*axis.values(), strict=True)]
    return [_spelled_out(point) if "parallelism" in point else point for point in points]


def _spelled_out(point: Point) -> Point:
    """The point with its "ixjxk" as three keys, which the command line may set one by one."""
    words = spelled_out([to_word("parallelism", point["parallelism"])])
    return {key: value for key, value in point.items() if key != "parallelism"} | given_values(
        words
    )


def narrow(points: list[Point], given: Point) -> list[Point]:
    """Keep the points that have a given value; where none has it, give it to all of them."""
    for key in [key for key in given if key in points[0]]:
        matching = [point for point in points if point[key] == given[key]]
        points = matching or [{**point, key: given[key]} for point in points]
    return [point for index, point in enumerate(points) if point not in points[:index]]
