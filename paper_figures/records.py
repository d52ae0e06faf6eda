"""One recorded run, read from the files of its folder."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

COUNTING_TASK = "captured_events"  # counts over the stream; trains nothing
STATISTICS_TASK = "dataset_statistics"  # likewise
SAMPLING_TASK = "sampling_speed"  # times neighbour sampling; trains nothing
UNTRAINED_TASKS = (COUNTING_TASK, STATISTICS_TASK, SAMPLING_TASK)
NUMBER = (int, float)
EVERY_TASK: dict[str, tuple[type, ...]] = {
    "suite": (str,),
    "dataset": (str,),
    "task": (str,),
    "metrics": (dict,),
    "command": (str,),
}
UNTRAINED: dict[str, tuple[type, ...]] = {"batch_size": (int,)}
TRAINING: dict[str, tuple[type, ...]] = {
    "system": (str,),
    "model": (str,),
    "protocol": (str,),
    "parallelism": (dict,),
    "processes": (int,),
    "emulated": (bool,),
    "seed": (int,),
    "passes": NUMBER,
    "throughput_events_per_second": (*NUMBER, type(None)),
    "seconds": (dict,),
    "peak_memory_bytes": (*NUMBER, type(None)),
}
# Parts of a config that do not change what an experiment computes.
INCIDENTAL = {
    "suite", "seeds", "command", "results_dir", "datasets_root", "cache_dir",
    "time_limit_minutes", "heartbeat_seconds", "evaluation_mebibytes", "wandb",
}  # fmt: skip


class RecordError(ValueError):
    """A run folder that cannot be drawn; the message says why in one sentence."""


@dataclass(frozen=True, eq=False)
class Record:
    """A finished run, read from its folder.

    ``evaluations`` are the lines of ``metrics.jsonl`` with a ``validation_*`` value, one row each,
    with the columns ``iteration``, ``pass`` and ``seconds`` (training only).
    ``bars`` are captured events per node, descending. ``settings`` is the part of the resolved
    config that defines the experiment, by dotted name; ``hardware`` is None where unrecorded.
    ``seconds`` are by part of the run, without those it does not have, ``seconds_by_part`` by what
    a training process did, the mean over processes; ``peak_memory`` is the resident memory in
    bytes, summed over processes.
    """

    folder: Path
    suite: str
    dataset: str
    task: str
    system: str
    model: str
    protocol: str
    parallelism: str
    num_trainers: int
    processes: int
    emulated: bool
    seed: int
    passes: float
    batch_size: int | None
    metrics: dict[str, float]
    throughput: float | None
    visibility: str | None
    hardware: str | None
    command: str
    settings: dict[str, Any] = field(default_factory=dict)
    evaluations: pd.DataFrame = field(default_factory=pd.DataFrame)
    bars: tuple[int, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    seconds_by_part: dict[str, float] = field(default_factory=dict)
    peak_memory: int | None = None

    @property
    def primary_metric(self) -> str:
        """The metric that chose the best round, such as "mrr"; empty where none did."""
        best = (name for name in self.metrics if name.startswith("validation_"))
        chosen = next((name for name in best if name.endswith("_best")), "")
        return chosen.removeprefix("validation_").removesuffix("_best")

    @property
    def peak_gib(self) -> float | None:
        """``peak_memory`` in GiB."""
        return None if self.peak_memory is None else self.peak_memory / 2**30

    @property
    def seconds_per_pass(self) -> float | None:
        """Of training; None where nothing is trained or trainers shared a process."""
        train = self.seconds.get("train")
        return train / self.passes if train and self.passes and not self.emulated else None


def commands(records: Iterable[Record]) -> str:
    """The commands that made the records: those of a suite as one, "seed=1|2" for a run of each."""
    by_suite: dict[str, list[str]] = {}
    for record in records:
        by_suite.setdefault(record.suite, []).append(record.command)
    return ", ".join(as_one(alike) for alike in by_suite.values())


def as_one(commands: Iterable[str]) -> str:
    """``commands`` of one suite with the values that a key has in any of them side by side."""
    values: dict[str, dict[str, None]] = {}
    for command in commands:
        for word in command.split():
            key, equals, value = word.partition("=")
            values.setdefault(key + equals, {})[value] = None
    return " ".join(key + "|".join(known) for key, known in values.items())


def read_record(folder: Path) -> Record:
    """Read one run folder; RecordError names the file and what is wrong with it."""
    path = folder / "result.json"
    result = _read_object(path)
    if result.get("status") == "failed":
        raise RecordError(f"{folder}: the run failed: {result.get('reason', 'no reason recorded')}")
    untrained = result.get("task") in UNTRAINED_TASKS
    _check_fields(path, result, EVERY_TASK | (UNTRAINED if untrained else TRAINING))
    if result.get("status") != "finished":
        raise RecordError(f"{path}: status is {result.get('status')!r}, not 'finished'")
    config = _read_config(folder / "config.yaml")
    degrees = [_degree(path, result, letter) for letter in "ijk"]
    return Record(
        folder=folder,
        suite=result["suite"],
        dataset=result["dataset"],
        task=result["task"],
        system=result.get("system") or "",
        model=result.get("model") or "",
        protocol=result.get("protocol") or "",
        parallelism="x".join(map(str, degrees)),
        num_trainers=math.prod(degrees),
        processes=result.get("processes") or 1,
        emulated=bool(result.get("emulated")),
        seed=result.get("seed") or 0,
        passes=result.get("passes") or 0,
        batch_size=result.get("batch_size", config.get("batch_size")),
        metrics=_finite(path, result["metrics"]),
        throughput=result.get("throughput_events_per_second"),
        visibility=result.get("visibility"),
        hardware=_read_hardware(folder / "environment.json"),
        command=result["command"],
        settings={k: v for k, v in config.items() if k.split(".")[0] not in INCIDENTAL},
        evaluations=pd.DataFrame() if untrained else _read_evaluations(folder / "metrics.jsonl"),
        bars=_read_bars(folder / "bars.csv") if result["task"] == COUNTING_TASK else (),
        seconds={k: v for k, v in (result.get("seconds") or {}).items() if v is not None},
        seconds_by_part=result.get("seconds_by_part") or {},
        peak_memory=result.get("peak_memory_bytes"),
    )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(value, dict):
        raise RecordError(f"{path}: holds a {type(value).__name__}, not a JSON object")
    return value


def _check_fields(path: Path, values: dict[str, Any], fields: dict[str, tuple[type, ...]]) -> None:
    for name, types in fields.items():
        if name not in values:
            raise RecordError(f"{path}: the field {name!r} is missing")
        value = values[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise RecordError(f"{path}: the field {name!r} has the unusable value {value!r}")


def _degree(path: Path, result: dict[str, Any], letter: str) -> int:
    degrees = result.get("parallelism") or {"i": 1, "j": 1, "k": 1}
    degree = degrees.get(letter)
    if not isinstance(degree, int) or degree < 1:
        raise RecordError(f"{path}: parallelism.{letter} is {degree!r}, not a positive number")
    return degree


def _finite(path: Path, metrics: dict[str, Any]) -> dict[str, float]:
    for name, value in metrics.items():
        if not isinstance(value, NUMBER) or not math.isfinite(value):
            raise RecordError(f"{path}: the metric {name!r} is {value!r}, not a finite number")
    return {name: float(value) for name, value in metrics.items()}


def _read_config(path: Path) -> dict[str, Any]:
    """The resolved config by dotted name; empty when the run folder keeps none."""
    if not path.exists():
        return {}
    try:
        tree = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except Exception as error:  # the parsers' errors have no common base
        raise RecordError(f"{path}: not readable as YAML ({error})") from None
    return dict(_leaves(tree)) if isinstance(tree, dict) else {}


def _read_hardware(path: Path) -> str | None:
    """The devices, or the processor and its cores where there is none."""
    if not path.exists():
        return None
    environment = _read_object(path)
    if environment.get("gpus"):
        return ", ".join(environment["gpus"])
    return f"{environment.get('cpu')}, {environment.get('cores')} cores"


def _leaves(tree: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(tree, dict):
        return [(prefix, tuple(tree) if isinstance(tree, list) else tree)]
    dot = f"{prefix}." if prefix else ""
    return [leaf for name, value in tree.items() for leaf in _leaves(value, f"{dot}{name}")]


def _read_evaluations(path: Path) -> pd.DataFrame:
    rows = []
    if not path.exists():
        raise RecordError(f"{path}: the file is missing")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            values = json.loads(line)
        except ValueError:
            raise RecordError(f"{path}: line {number} is not a JSON object") from None
        if not isinstance(values, dict):
            raise RecordError(f"{path}: line {number} is not a JSON object")
        if any(name.startswith("validation_") for name in values):
            place = f"{path}: line {number}"
            missing = [name for name in ("iteration", "pass", "seconds") if name not in values]
            if missing:
                raise RecordError(f"{place}: the field {missing[0]!r} is missing")
            rows.append(values)
    if not rows:
        raise RecordError(f"{path}: holds no line with a validation value")
    return pd.DataFrame(rows)


def _read_bars(path: Path) -> tuple[int, ...]:
    try:
        bars = pd.read_csv(path)["captured_events"]
        return tuple(sorted((int(bar) for bar in bars), reverse=True))
    except (OSError, KeyError, ValueError) as error:
        raise RecordError(f"{path}: no column 'captured_events' can be read ({error})") from None
