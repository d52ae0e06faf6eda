"""Which recorded runs answer the same question, and which of them are one configuration."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from benchmark.parallelism import Parallelism
from benchmark.records.identity import GROUPS, identifying
from benchmark.records.run_folder import RunFolder
from benchmark.runner.tables.columns import Row, differing, flat, plain

Key = TypeVar("Key", bound=Hashable)
Result = dict[str, Any]  # the fields of a result.json

BASE = ("dataset", "task", "protocol", "batch_size")
# Settings that decide which events are asked about, and against what.
ASKED = ("data", "dataset.", "protocol.", "max_events", "class_features")
# What is watched, where it runs, and what is named anyway: the numbers stay as they are.
UNTOLD = (
    "seed", "choices", "parallelism", "batch_size", "threads", "pin_cores", "device", "task.name",
    "task.log_interval", "task.test", "protocol.inductive", "protocol.primary_metric",
    "protocol.visibility", *(f"{group}.name" for group in GROUPS),
)  # fmt: skip


class Finished(NamedTuple):
    """A finished run, its metric, and the settings that may tell it from others by dotted name."""

    folder: RunFolder
    result: Result
    metric: str
    settings: Row

    @property
    def degrees(self) -> str:
        return str(Parallelism(**self.result["parallelism"]))


class Asked(NamedTuple):
    """Runs of equal data set, task, protocol, batch size and metric, and of the same events.

    ``heading`` names all of these, and ``configurations`` holds the runs of each.
    """

    heading: str
    configurations: list[list[Finished]]


def questions(folders: Iterable[RunFolder]) -> list[Asked]:
    """The questions that the finished runs with a best round answer, each folder taken once."""
    found = []
    for runs in map(_completed, _grouped(_finished(folders), _base).values()):
        for heading, part in _by_heading(runs).items():
            found.append(Asked(heading, list(_grouped(part, _configuration).values())))
    return found


def own_settings(run: Finished) -> Row:
    """The settings that tell a configuration from others which answer the same question."""
    return _part(run, asked=False)


def _finished(folders: Iterable[RunFolder]) -> list[Finished]:
    found: dict[Path, Finished] = {}
    for folder in folders:
        result = folder.result()
        if result and result["status"] == "finished" and (metric := _metric(result)):
            settings = _settings(folder.config(), result)
            found.setdefault(folder.path.resolve(), Finished(folder, result, metric, settings))
    return list(found.values())


def _metric(result: Result) -> str:
    """The primary metric of test, of validation where there was no test; empty without one."""
    primary = result["primary_metric"]
    if primary is None:
        return ""
    test = f"test_{primary}"
    return test if test in result["metrics"] else f"validation_{primary}"


def _settings(config: dict[str, Any], result: Result) -> Row:
    content = dict(config["content"])
    data = content.pop("data", None) or result.get("source", {}).get("files", {})
    kept = flat(identifying({**config, "content": content}, *UNTOLD))
    for group in GROUPS:
        if "." not in str(kept.get(f"{group}._target_", "")):  # the names say it
            kept.pop(f"{group}._target_", None)
    return kept | {"data": tuple(sorted(data.items()))}


def _base(run: Finished) -> Hashable:
    return (*(run.result[name] for name in BASE), run.metric)


def _configuration(run: Finished) -> Hashable:
    named = [run.result[name] for name in ("system", "model", "visibility")]
    return repr([*named, run.degrees, sorted(own_settings(run).items())])


def _completed(runs: Sequence[Finished]) -> list[Finished]:
    """The runs, with the options that older records do not know and all others agree on.

    Of a class of one's own nothing is added: its defaults are its own.
    """
    known: dict[Hashable, dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for run in runs:
        for name, value in run.settings.items():
            known[_choice(run, name)][name][repr(value)] = value
    completed = []
    for run in runs:
        settings = dict(run.settings)
        for group in GROUPS:
            if f"{group}._target_" not in settings:
                for name, values in known[group, run.result.get(group)].items():
                    if len(values) == 1:
                        settings.setdefault(name, *values.values())
        completed.append(run._replace(settings=settings))
    return completed


def _choice(run: Finished, name: str) -> Hashable:
    """The group of an option and what was chosen from it."""
    group = name.partition(".")[0]
    return group, run.result.get(group)


def _part(run: Finished, asked: bool) -> Row:
    return {name: v for name, v in run.settings.items() if name.startswith(ASKED) is asked}


def _by_heading(runs: Sequence[Finished]) -> dict[str, list[Finished]]:
    """The runs by what they answer: "uci, protocol tgn, batch size 200: test ap"."""
    apart = sorted(differing([_part(run, asked=True) for run in runs]))

    def heading(run: Finished) -> str:
        dataset, task, protocol, batch_size = (run.result[name] for name in BASE)
        parts = [
            dataset,
            *([] if task == "link_prediction" else [f"task {task.replace('_', ' ')}"]),
            f"protocol {protocol}",
            f"batch size {batch_size}",
            *(_named(name, run.settings.get(name)) for name in apart),
        ]
        return f"{', '.join(parts)}: {run.metric.replace('_', ' ')}"

    return _grouped(runs, heading)


def _named(name: str, value: Any) -> str:
    if name != "data":
        return f"{name.rpartition('.')[2]} {plain(value)}"
    return "files " + (" ".join(f"{file} {sha256[:8]}" for file, sha256 in value) or "unknown")


def _grouped(runs: Iterable[Finished], key: Callable[[Finished], Key]) -> dict[Key, list[Finished]]:
    groups: dict[Key, list[Finished]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return groups
