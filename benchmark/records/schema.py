"""What ``result.json`` and ``metrics.jsonl`` hold, and how those of earlier versions are read."""

from collections.abc import Mapping
from typing import Any

NUMBER = (int, float)
NONE = type(None)
Types = type | tuple[type, ...]

RESULT: dict[str, Types] = {
    "status": str,  # "finished" or "failed"
    "suite": str,
    "system": str,
    "model": str,
    "dataset": str,
    "task": str,
    "protocol": str,
    "parallelism": dict,  # {"i", "j", "k"}
    "processes": int,
    "emulated": bool,  # more logical trainers than processes: no throughput is reported
    "seed": int,
    "epochs": NUMBER,
    "batch_size": int,
    "learning_rate": NUMBER,
    "visibility": (str, NONE),  # what the system honoured: "event", "batch", or not a question
    "metrics": dict,  # name -> number
    # What chose the best round: "validation_NAME_best" and, where tested, "test_NAME" are metrics.
    "primary_metric": (str, NONE),
    "throughput_events_per_second": (*NUMBER, NONE),
    # {"train", "evaluate", "total"}, null where the task has no such part, and "pretrain" where
    # there is a static memory: what it took to make, in this run or in the one that cached it.
    "seconds": dict,
    "peak_memory_bytes": (int, NONE),  # resident memory, summed over processes
    "command": str,
}
OPTIONAL: dict[str, Types] = {
    "machines": int,  # that hosted the processes, equally many each; 1 where there is no number
    # {"files": name -> sha256, "moved_rows": by the stable sort by time, "random_edge_features"}
    "source": dict,
    # {"gradients", "node_memory", "evaluation"}: by a process to others while training, the mean
    # over processes, without what the launcher and the headers of the network add; "interface", of
    # several machines: what the network interface of one has sent meanwhile, whoever sent it
    "bytes_sent": dict,
    "peak_device_memory_bytes": int,  # of tensors on GPUs, summed over processes
    "seconds_by_part": dict,  # what training spent its time on, the mean over processes
    # {"train", "evaluate"}: of all threads of the training processes, without their helpers
    "cpu_seconds": dict,
    # {"epochs", "best_epoch", "mrr"} of a static memory: epochs trained, the one that was kept,
    # and its mean reciprocal rank on the training events that were held out
    "pretraining": dict,
    "positive_class": str,  # the node class that node_auc and node_ap are of
    # [{"round", "iteration", "passed_over"}]: each checkpoint that was gone on from, with the
    # reasons why newer ones were not; round 0 is the start
    "resumed": list,
    "operation_floor": dict,  # benchmark.tasks.speed
}
DEGREES: dict[str, Types] = dict.fromkeys("ijk", int)
SECONDS: dict[str, Types] = {
    "train": (*NUMBER, NONE),
    "evaluate": (*NUMBER, NONE),
    "total": NUMBER,
}
METRICS_LINE: dict[str, Types] = {"iteration": int, "epoch": NUMBER, "seconds": NUMBER}
STATUSES = ("finished", "failed")


def validate_result(result: Mapping[str, Any]) -> list[str]:
    """What is wrong with the content of a ``result.json``, one sentence each."""
    optional = {name: types for name, types in OPTIONAL.items() if name in result}
    problems = _compare(result, RESULT | optional, "")
    if problems:
        return problems
    problems += _compare(result["parallelism"], DEGREES, "parallelism.")
    problems += _compare(result["seconds"], SECONDS, "seconds.")
    problems += _numbers(result["metrics"], "metrics.")
    for name in ("seconds_by_part", "bytes_sent", "cpu_seconds", "pretraining", "operation_floor"):
        problems += _numbers(result.get(name, {}), f"{name}.")
    if result["status"] not in STATUSES:
        problems.append(f"status is {result['status']!r}, not one of {', '.join(STATUSES)}")
    if result["status"] == "failed" and not isinstance(result.get("reason"), str):
        problems.append("a failed result has no reason")
    if result["emulated"] and result["throughput_events_per_second"] is not None:
        problems.append("an emulated result has a throughput")
    return problems


def validate_metrics_line(line: Mapping[str, Any]) -> list[str]:
    """What is wrong with one line of a ``metrics.jsonl``, one sentence each."""
    return _compare(line, METRICS_LINE, "") + _numbers(line, "")


def _compare(values: Mapping[str, Any], fields: Mapping[str, Types], prefix: str) -> list[str]:
    problems = []
    for name, types in fields.items():
        if name not in values:
            problems.append(f"{prefix}{name} is missing")
        elif not _is(values[name], types):
            problems.append(f"{prefix}{name} is {values[name]!r}")
    return problems


def _is(value: object, types: Types) -> bool:
    if isinstance(value, bool):
        return types is bool
    return isinstance(value, types)


def _numbers(values: Mapping[str, Any], prefix: str) -> list[str]:
    return [
        f"{prefix}{name} is {value!r}, not a number"
        for name, value in values.items()
        if not _is(value, NUMBER)
    ]


# Records of earlier versions are read as those of today; nothing else knows how they differ.
RESULT_NAMES = {"passes": "epochs"}
LINE_NAMES = {"pass": "epoch"}
CONFIG_NAMES = {"passes": "epochs"}
CONFIG_DEFAULTS = {
    "pin_cores": False,
    "max_events": None,
    "random_edge_features": None,
    "class_features": None,
    "evaluation_mebibytes": 64,
}
OF_ONE_PRECISION = ("disttgl", "tgl", "tgn")  # before it was a setting
# Options that said where the files of a data set are or what is published of them.
LOCATING = ("path", "url", "sha256", "num_nodes", "num_events", "num_labels", "num_relations")
MADE_UP = ("synthetic", "sessions")  # of which such numbers are what is made


def config_of_today(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of ``config.yaml`` under the names of today."""
    config = _renamed(config, CONFIG_NAMES)
    dataset = config.get("dataset", {})
    if "class_features" in dataset:
        dataset = dict(dataset)
        config |= {"class_features": dataset.pop("class_features"), "dataset": dataset}
    if config.get("choices", {}).get("system") in OF_ONE_PRECISION:
        config |= {"system": {"precision": "float32"} | (config.get("system") or {})}
    config = CONFIG_DEFAULTS | config
    made_up = config.get("choices", {}).get("dataset") in MADE_UP
    return {"content": {}, "locating": [] if made_up else list(LOCATING)} | config


def result_of_today(result: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``result.json`` under the names of today, the primary metric among them."""
    result = _renamed(result, RESULT_NAMES)
    if "command" in result:
        result["command"] = result["command"].replace(" passes=", " epochs=")
    if "primary_metric" not in result:
        best = [name for name in result.get("metrics", {}) if name.endswith("_best")]
        chosen = best[0].removeprefix("validation_").removesuffix("_best") if best else None
        result["primary_metric"] = chosen
    return result


def line_of_today(line: dict[str, Any]) -> dict[str, Any]:
    """One line of ``metrics.jsonl`` under the names of today."""
    return _renamed(line, LINE_NAMES)


def _renamed(values: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}
