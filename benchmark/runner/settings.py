"""The types of every setting and the checks that types cannot make; values are in conf/."""

from dataclasses import dataclass, field
from typing import Any

from benchmark.errors import UserError

MISSING = "???"  # as in the yaml files: has no default
DEVICES = ("auto", "cpu", "cuda")
LAUNCHERS = ("auto", "local", "slurm", "torchrun")
WANDB_MODES = ("auto", "online", "offline", "disabled")


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
    degrees = settings["parallelism"]
    for key in ("i", "j", "k"):
        _at_least_one(f"parallelism.{key}", degrees[key])
    for key in ("processes", "seeds", "epochs", "batch_size", "evaluation_mebibytes"):
        _at_least_one(key, settings[key])
    for key in ("learning_rate", "time_limit_minutes", "heartbeat_seconds"):
        if settings[key] is not None and not settings[key] > 0:
            raise UserError(f"{key} must be above 0, not {settings[key]}.")
    for key in (
        "threads",
        "evaluate_every",
        "max_events",
        "random_edge_features",
        "class_features",
    ):
        if settings[key] is not None:
            _at_least_one(key, settings[key])
    _at_least_one("machines.number", settings["machines"]["number"])
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


def _at_least_one(key: str, value: int) -> None:
    if value < 1:
        raise UserError(f"{key} must be at least 1, not {value}.")


def _one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(f"{key} must be one of {', '.join(choices)}, not {value!r}.")
