"""The types of every setting and the checks that types cannot make; values are in conf/."""

import csv
import re
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.records.identity import GROUPS
from benchmark.records.seal import DRAWN

MISSING = "???"  # as in the yaml files: has no default
DEVICES = ("auto", "cpu", "cuda")
LAUNCHERS = ("auto", "local", "slurm", "torchrun")
WANDB_MODES = ("auto", "online", "offline", "disabled")
MOST_TRAINERS = 4096
MOST_RESTARTS = 1000
# The least and the most that can be meant; what is more would run out of memory, or never end.
WHOLE_NUMBERS = {
    "parallelism.i": (1, MOST_TRAINERS),
    "parallelism.j": (1, MOST_TRAINERS),
    "parallelism.k": (1, MOST_TRAINERS),
    "processes": (1, MOST_TRAINERS),
    "threads": (1, 1024),
    "seeds": (1, 10_000),
    "seed": (0, 2**31 - 1),
    "epochs": (1, 10**6),
    "batch_size": (1, 10**9),
    "evaluate_every": (1, 10**9),
    "max_events": (1, 10**12),
    "random_edge_features": (1, 10**5),
    "class_features": (1, 10**5),
    "evaluation_mebibytes": (1, 10**6),
}
POSITIVE_NUMBERS = {
    "learning_rate": 1000,
    "time_limit_minutes": 10**7,
    "heartbeat_seconds": 10**6,
}
LONGEST_NAME = 100
TEXTS_OF_FIGURES = Path(__file__).parents[2] / "results/paper/figures.csv"


@dataclass
class SuiteSettings:
    """The experiments that answer one question."""

    name: str
    question: str
    sweep: list[dict[str, list[Any]]] = field(default_factory=list)
    fit_hardware: bool = False
    optional: dict[str, str] = field(default_factory=dict)
    figures: list[str] = field(default_factory=list)


@dataclass
class ParallelismSettings:
    """Degrees of mini-batch (i), epoch (j) and memory (k) parallelism."""

    i: int
    j: int
    k: int


@dataclass
class MachinesSettings:
    """The machines that a run is spread over."""

    number: int
    here: int | None
    meet_at: str | None
    address: str | None
    launcher: str
    restarts: int
    link: str | None


@dataclass
class WandbSettings:
    """The mirror of the record on Weights & Biases."""

    mode: str
    project: str


@dataclass
class Settings:
    """One experiment, all but its seed."""

    suite: SuiteSettings
    dataset: dict[str, Any]
    task: dict[str, Any]
    protocol: dict[str, Any]
    system: dict[str, Any]
    model: dict[str, Any]
    parallelism: ParallelismSettings
    processes: int
    machines: MachinesSettings
    threads: int | None
    pin_cores: bool
    seeds: int
    seed: int | None
    epochs: int
    batch_size: int
    learning_rate: float
    evaluate_every: int | None
    max_events: int | None
    random_edge_features: int | None
    class_features: int | None
    device: str
    results_dir: str
    datasets_root: str | None
    cache_dir: str | None
    time_limit_minutes: float | None
    evaluation_mebibytes: int
    heartbeat_seconds: float
    wandb: WandbSettings


def check(settings: dict[str, Any]) -> None:
    """Refuse values that cannot be run, naming them; raises ``UserError``."""
    check_complete(settings)
    values = settings | {f"parallelism.{key}": n for key, n in settings["parallelism"].items()}
    for key in (*WHOLE_NUMBERS, *POSITIVE_NUMBERS):
        if not isinstance(values[key], int | float | None):  # what ${...} stands for has no type
            raise UserError(f"{key} must be a number, not {values[key]!r}.")
    for key, (least, most) in WHOLE_NUMBERS.items():
        _between(key, values[key], least, most)
    for key, most in POSITIVE_NUMBERS.items():
        if values[key] is not None and not values[key] > 0:
            raise UserError(f"{key} must be above 0, not {values[key]}.")
        _between(key, values[key], 0, most)
    trainers = prod(settings["parallelism"].values())
    if trainers > MOST_TRAINERS:
        degrees = "x".join(map(str, settings["parallelism"].values()))
        raise UserError(f"{degrees} are {trainers} trainers; at most {MOST_TRAINERS} can be had.")
    check_name("suite.name", settings["suite"]["name"])
    if settings["suite"]["name"] == DRAWN:
        raise UserError(f"suite.name is {DRAWN}, where figures are drawn; choose another.")
    for figure in settings["suite"].get("figures", ()):
        _one_of("suite.figures", figure, _figures() or (figure,))
    for group in GROUPS:
        check_name(f"{group}.name", str(settings[group].get("name", group)))
    for key in ("results_dir", "datasets_root", "cache_dir"):
        if settings[key] == "":
            raise UserError(f"{key} is empty; name a folder, or leave it out.")
    _between("machines.number", settings["machines"]["number"], 1, MOST_TRAINERS)
    _between("machines.here", settings["machines"]["here"], 0, MOST_TRAINERS - 1)
    _between("machines.restarts", settings["machines"]["restarts"], 0, MOST_RESTARTS)
    _one_of("machines.launcher", settings["machines"]["launcher"], LAUNCHERS)
    _one_of("device", settings["device"], DEVICES)
    _one_of("wandb.mode", settings["wandb"]["mode"], WANDB_MODES)


def check_complete(settings: dict[str, Any]) -> None:
    """Refuse a key that has no default and was given no value; raises ``UserError``."""
    for key in sorted(_missing(settings)):
        raise UserError(f"{key} has no default; add {key}=VALUE.")


def _missing(values: dict[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for key, value in values.items():
        if isinstance(value, dict):
            keys += _missing(value, f"{prefix}{key}.")
        elif value == MISSING:
            keys.append(f"{prefix}{key}")
    return keys


def check_name(key: str, name: str) -> None:
    """Refuse a name that would not be one folder in the results folder; raises ``UserError``."""
    if not re.fullmatch(r"\w[\w.+-]*", name) or len(name) > LONGEST_NAME:
        raise UserError(
            f"{key} names folders of records: write at most {LONGEST_NAME} letters, digits, '_', "
            f"'-', '.' and '+', not {name!r}."
        )


def _between(key: str, value: float | None, least: float, most: float) -> None:
    if value is not None and value < least:
        raise UserError(f"{key} must be at least {least}, not {value}.")
    if value is not None and not value <= most:
        raise UserError(f"{key} must be at most {most}, not {value}.")


def _figures() -> tuple[str, ...]:
    """The figures that can be drawn; none where the suite was installed without a checkout."""
    if not TEXTS_OF_FIGURES.exists():
        return ()
    with TEXTS_OF_FIGURES.open(encoding="utf-8", newline="") as file:
        return tuple(row["figure"] for row in csv.DictReader(file))


def _one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(f"{key} must be one of {', '.join(choices)}, not {value!r}.")
