"""The types of every setting and the checks that types cannot make; values are in conf/."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from benchmark.errors import UserError

DEVICES = ("auto", "cpu", "cuda")
WANDB_MODES = ("auto", "online", "offline", "disabled")


@dataclass
class SuiteSettings:
    """The experiments that answer one question."""

    name: str = MISSING
    question: str = MISSING
    sweep: list[dict[str, list[Any]]] = field(default_factory=list)
    fit_hardware: bool = False
    optional: dict[str, str] = field(default_factory=dict)
    figures: list[str] = field(default_factory=list)


@dataclass
class ParallelismSettings:
    """Degrees of mini-batch (i), epoch (j) and memory (k) parallelism."""

    i: int = MISSING
    j: int = MISSING
    k: int = MISSING


@dataclass
class WandbSettings:
    """The mirror of the record on Weights & Biases."""

    mode: str = MISSING
    project: str = MISSING


@dataclass
class Settings:
    """One experiment, all but its seed."""

    suite: SuiteSettings = field(default_factory=SuiteSettings)
    dataset: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    parallelism: ParallelismSettings = field(default_factory=ParallelismSettings)
    processes: int = MISSING
    threads: int | None = MISSING
    pin_cores: bool = MISSING
    seeds: int = MISSING
    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    max_events: int | None = MISSING
    random_edge_features: int | None = MISSING
    device: str = MISSING
    results_dir: str = MISSING
    datasets_root: str | None = MISSING
    cache_dir: str | None = MISSING
    time_limit_minutes: float | None = MISSING
    evaluation_mebibytes: int = MISSING
    heartbeat_seconds: float = MISSING
    wandb: WandbSettings = field(default_factory=WandbSettings)


ConfigStore.instance().store("schema", Settings)


def check(settings: DictConfig) -> None:
    """Refuse values that cannot be run, naming them; raises ``UserError``."""
    check_complete(settings)
    for key in ("i", "j", "k"):
        _at_least_one(f"parallelism.{key}", settings.parallelism[key])
    for key in ("processes", "seeds", "epochs", "batch_size", "evaluation_mebibytes"):
        _at_least_one(key, settings[key])
    for key in ("learning_rate", "time_limit_minutes", "heartbeat_seconds"):
        if settings[key] is not None and not settings[key] > 0:
            raise UserError(f"{key} must be above 0, not {settings[key]}.")
    for key in ("threads", "max_events", "random_edge_features"):
        if settings[key] is not None:
            _at_least_one(key, settings[key])
    _one_of("device", settings.device, DEVICES)
    _one_of("wandb.mode", settings.wandb.mode, WANDB_MODES)
    degrees = settings.parallelism
    trainers = degrees.i * degrees.j * degrees.k
    if trainers % settings.processes:
        raise UserError(
            f"processes={settings.processes} does not divide the "
            f"{degrees.i} x {degrees.j} x {degrees.k} = {trainers} trainers; "
            f"choose one of {_divisors(trainers)}."
        )


def check_complete(settings: DictConfig) -> None:
    """Refuse a key that has no default and was given no value; raises ``UserError``."""
    for key in sorted(OmegaConf.missing_keys(settings)):
        raise UserError(f"{key} has no default; add {key}=VALUE.")


def _at_least_one(key: str, value: int) -> None:
    if value < 1:
        raise UserError(f"{key} must be at least 1, not {value}.")


def _one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(f"{key} must be one of {', '.join(choices)}, not {value!r}.")


def _divisors(number: int) -> str:
    return ", ".join(str(part) for part in range(1, number + 1) if number % part == 0)
