"""What is found out of an experiment before it starts: whether it can run, and what it reads.

It reads, beside its settings, its data and classes of one's own.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from benchmark.datasets.dataset import LabelKind
from benchmark.errors import UserError, one_sentence
from benchmark.experiment import Experiment, Options
from benchmark.machine.device import choose_device
from benchmark.machine.place import Place
from benchmark.models.pairwise import PairwiseModel
from benchmark.protocol.hard_negatives import LINK_PREFIX
from benchmark.protocol.walk import CatchesUp
from benchmark.records.identity import GROUPS, is_own
from benchmark.storage.locations import NotDownloadedError
from benchmark.tasks.build import build_protocol, check_batches, loader_of, locations_of
from benchmark.tasks.choices import check_group, check_network, class_of
from benchmark.tasks.task import Task

Checksums = dict[str, str]


def check_experiment(experiment: Experiment) -> None:
    """Refuse choices that cannot work together; raises ``UserError``, one sentence."""
    try:
        for group in GROUPS:
            check_group(experiment, group)
        _check_processes(experiment)
        _check_machines(experiment)
        choose_device(experiment.device, Place(0, experiment.processes, experiment.machines.number))
        if "_target_" in experiment.dataset and "_target_" in experiment.task:
            _check_data(experiment)
    except Exception as error:  # whatever a constructor, also of one's own, may raise
        raise UserError(one_sentence(error)) from error


def _check_processes(experiment: Experiment) -> None:
    degrees, processes = experiment.parallelism, experiment.processes
    trainers = degrees.num_trainers
    if experiment.max_events:  # how many are for training is known once they are loaded
        check_batches(experiment, experiment.max_events)
    if trainers % processes:
        divisors = [str(part) for part in range(1, trainers + 1) if trainers % part == 0]
        raise ValueError(
            f"processes={processes} does not divide the {degrees.i} x {degrees.j} x {degrees.k} = "
            f"{trainers} trainers; choose one of {', '.join(divisors)}."
        )


def _check_machines(experiment: Experiment) -> None:
    """Refuse processes that machines cannot share evenly, and node memory that cannot cross."""
    machines, processes = experiment.machines.number, experiment.processes
    if machines == 1:
        return
    if processes % machines:
        raise ValueError(
            f"processes={processes} cannot be shared evenly by {machines} machines; choose a "
            f"multiple of {machines}."
        )
    check = getattr(class_of(experiment, "system"), "check_machines", None)
    if check is not None:
        check(experiment.parallelism, machines, experiment.system)


def _check_data(experiment: Experiment) -> None:
    """Whether data set, protocol and task fit, and whether the files that are there are whole."""
    loader = loader_of(experiment)
    check_task(experiment, loader.known_labels)
    check_protocol(experiment)
    with suppress(NotDownloadedError):  # fetched, and looked at, when the experiment is to run
        loader.paths(locations_of(experiment, may_download=False))


def check_task(experiment: Experiment, labels: LabelKind | None) -> None:
    """Refuse what the task cannot work with, before anything is loaded.

    ``labels`` is the kind that the data set is known to have, None where only loading tells.

    Raises:
        ValueError: Says what does not fit, and what to choose.
    """
    task: Task = instantiate(experiment.task, _convert_="all")
    if task.label_kinds and labels not in (None, *task.label_kinds):
        raise ValueError(
            f"task {experiment.name_of('task')} needs labels of kind "
            f"{' or '.join(task.label_kinds)}, and those of data set "
            f"'{experiment.name_of('dataset')}' are of kind {labels}; choose another dataset."
        )
    if task.trains:
        check_network(experiment)
        _check_trainers(experiment)
    system: Any = class_of(experiment, "system")
    if experiment.evaluate_every is not None:
        _check_within_rounds(experiment, task, system)
    if task.ability is not None and not issubclass(system, task.ability):
        raise ValueError(
            f"system={experiment.choices['system']} cannot be used for task "
            f"{experiment.name_of('task')}; choose system=disttgl or system=tgl."
        )
    model: Any = class_of(experiment, "model")
    if task.needs_nodes and inspect.isclass(model) and issubclass(model, PairwiseModel):
        raise ValueError(
            f"model={experiment.choices['model']} embeds pairs of nodes and no node alone, which "
            f"task {experiment.name_of('task')} needs; choose model=tgn_attention, or "
            "task=edge_classification."
        )


def _check_trainers(experiment: Experiment) -> None:
    """Refuse a parallelism or options that the chosen system cannot train with (ValueError)."""
    check: Callable[[Any, int, Mapping[str, Any]], None] | None = getattr(
        class_of(experiment, "system"), "check", None
    )
    if check is not None:
        check(experiment.parallelism, experiment.processes, experiment.system)


def _check_within_rounds(experiment: Experiment, task: Task, system: Any) -> None:
    if not task.trains:
        raise ValueError(
            f"evaluate_every is {experiment.evaluate_every} and task {experiment.name_of('task')} "
            "trains nothing; leave it null."
        )
    if not issubclass(system, CatchesUp):
        raise ValueError(
            f"evaluate_every is {experiment.evaluate_every} and system="
            f"{experiment.choices['system']} trains and evaluates with one node memory, so that it "
            "cannot be validated within a round; leave it null, or choose system=disttgl or "
            "system=tgl."
        )


def check_protocol(experiment: Experiment) -> None:
    """Refuse a protocol that has an unknown word, or negatives of other data (ValueError)."""
    if "_target_" not in experiment.protocol:
        return
    protocol = build_protocol(experiment)
    dataset = experiment.name_of("dataset")
    if str(protocol.negative_sampling) == "tgb" and not dataset.startswith(LINK_PREFIX):
        raise ValueError(
            f"TGB publishes no negatives for data set '{dataset}'; "
            "set protocol.negative_sampling=random or choose a data set of TGB."
        )


class ContentOfData:
    """Puts into experiments what their data is; looks at every data set once.

    Files that are missing are fetched first, if ``may_download`` is set; otherwise such a data set
    has no content yet.
    """

    def __init__(self, may_download: bool) -> None:
        self.may_download = may_download
        self.known: dict[str, Checksums | UserError] = {}

    def put_into(self, experiment: Experiment) -> Experiment:
        """The experiment with ``content`` and ``locating``.

        Raises:
            UserError: If the data set cannot be had; the same for every experiment of it.
        """
        content = checksums_of_classes(experiment)
        if "_target_" not in experiment.dataset:
            return replace(experiment, content=content)
        key = json.dumps(experiment.dataset, sort_keys=True)
        if key not in self.known:
            self.known[key] = self._look(experiment)
        found = self.known[key]
        if isinstance(found, UserError):
            raise found
        if found:
            content["data"] = found
        locating = tuple(loader_of(experiment).locating)
        return replace(experiment, content=content, locating=locating)

    def _look(self, experiment: Experiment) -> Checksums | UserError:
        try:
            return loader_of(experiment).checksums(locations_of(experiment, self.may_download))
        except NotDownloadedError:
            return {}  # to be fetched: nothing can have been run with it
        except Exception as error:  # of files, of the network, of a loader of one's own
            return UserError(one_sentence(error))


def checksums_of_classes(experiment: Experiment) -> dict[str, Checksums]:
    """The sha256 of the file of every class that is not the suite's, by group and module.

    So no result or checkpoint of an earlier version is taken for one of the present.
    """
    found: dict[str, Checksums] = {}
    for group in GROUPS:
        for module in _modules(getattr(experiment, group)):
            if not is_own(module) and (source := _source(module)):
                found.setdefault(group, {})[module] = hashlib.sha256(source).hexdigest()
    return found


def check_classes(recorded: Experiment) -> None:
    """Raise ValueError where the file of a class of one's own is not what was trained."""
    now = checksums_of_classes(recorded)
    for group, checksums in recorded.content.items():
        if group != "data" and now.get(group) != checksums:
            raise ValueError(
                f"{', '.join(checksums)} of {group} is no longer what it was when this run was "
                "recorded: bring that version back, or run the experiment again."
            )


def _modules(options: Options) -> set[str]:
    """The modules of the classes that options name: what they choose, or a negative sampler."""
    named = (options.get("_target_"), options.get("negative_sampling"))
    return {str(name).rpartition(".")[0] for name in named if "." in str(name)}


def _source(module: str) -> bytes:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return b""  # the checks of the experiment say what is wrong with it
    return Path(spec.origin).read_bytes() if spec and spec.origin else b""
