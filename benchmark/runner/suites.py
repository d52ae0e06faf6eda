"""A suite and the experiments it expands to."""

import itertools
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig, OmegaConf

from benchmark.errors import UserError
from benchmark.experiment import hash_of, num_devices
from benchmark.runner.compose import compose_settings, given_values, to_word
from benchmark.runner.settings import check

Point = dict[str, Any]  # keys of the configuration and the values they take


@dataclass(frozen=True)
class Suite:
    """The experiments that answer one question."""

    name: str
    figures: list[str]
    results_dir: str
    command: str
    experiments: list[DictConfig]


def expand(words: list[str]) -> Suite:
    """The suite that these command-line words name, narrowed by them; raises ``UserError``.

    An experiment is the composed configuration with ``seed`` and ``command`` added. Seeds are the
    outermost axis, so that the experiments to be compared run one after the other. A suite with
    ``fit_hardware`` leaves out those with more processes than there are cores or GPUs, and one with
    ``optional`` those of systems that are not installed and were not asked for.
    """
    command = shlex.join(["python", "-m", "benchmark.run", *words])
    settings = compose_settings(words)
    given = given_values(words)
    experiments: dict[str, DictConfig] = {}
    for point in _points(settings.suite, given):
        chosen = [to_word(key, value) for key, value in point.items() if key not in given]
        composed = compose_settings([*chosen, *words])
        check(composed)
        if composed.suite.fit_hardware and composed.processes > num_devices(composed.device):
            continue
        if "system" not in given and not _installed(composed):
            continue
        for seed in range(composed.seeds):
            experiment = OmegaConf.merge(composed, {"seed": seed, "command": command})
            assert isinstance(experiment, DictConfig)
            experiments.setdefault(hash_of(experiment), experiment)
    if not experiments:
        raise UserError(
            f"Every experiment of suite {settings.suite.name} needs more processes than the "
            f"{num_devices(settings.device)} devices here; add suite.fit_hardware=false."
        )
    return Suite(
        settings.suite.name,
        list(settings.suite.figures),
        settings.results_dir,
        command,
        sorted(experiments.values(), key=lambda experiment: experiment.seed),
    )


def _installed(composed: DictConfig) -> bool:
    """Whether the package that the system needs, if the suite says so, can be imported."""
    package = composed.suite.optional.get(composed.choices.system)
    return package is None or find_spec(package) is not None


def _points(suite: DictConfig, given: Point) -> Iterator[Point]:
    sweep: Any = OmegaConf.to_container(suite.sweep)
    axes = [narrow(walk(axis, suite.name), given) for axis in sweep]
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
