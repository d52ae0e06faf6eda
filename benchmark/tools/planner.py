"""The rule by which i x j x k is chosen (DistTGL, arXiv 2307.07649), and what it needs to know."""

from typing import Any, NamedTuple

import psutil
import torch

from benchmark.datasets.dataset import Dataset
from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.models.node_state import NodeState
from benchmark.parallelism import Parallelism
from benchmark.runner.compose import compose_settings
from benchmark.runner.settings import check_complete
from benchmark.runner.words import FOLDER, complete, given_values, to_word
from benchmark.tasks.build import build_dataset
from benchmark.tasks.counts import captured_events


class Plan(NamedTuple):
    """A recommended parallelism, the local batch size that goes with it, and why."""

    parallelism: Parallelism
    batch_size: int
    reasons: tuple[str, ...]  # one sentence per step of the rule


def plan(
    machines: int, devices: int, largest_batch: int, saturating_batch: int, copies_per_machine: int
) -> Plan:
    """Choose i, then k, then j for ``machines`` of ``devices`` each.

    ``largest_batch`` is the largest acceptable global batch and ``saturating_batch`` the local
    batch that keeps a device busy, in events; ``copies_per_machine`` memory copies fit in the main
    memory of a machine. Memory never crosses machines, so the i*j trainers of a copy must divide
    the devices of a machine; where the rule gives a number that does not, the next smaller one that
    does is taken and the reason says so.

    Raises:
        ValueError: If an argument is not positive.
    """
    arguments = {
        "machines": machines,
        "devices": devices,
        "largest_batch": largest_batch,
        "saturating_batch": saturating_batch,
        "copies_per_machine": copies_per_machine,
    }
    for name, value in arguments.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1.")
    i, why_i = _mini_batch(devices, largest_batch, saturating_batch)
    copies, why_k = _memory(machines, devices // i, copies_per_machine)
    k = machines * copies
    parallelism = Parallelism(i, devices // (i * copies), k)
    total = machines * devices
    reasons = (
        f"k >= {machines}: node memory must not cross machines, so every machine keeps at least "
        f"one copy of it, and has room for {copies_per_machine}.",
        why_i,
        why_k,
        f"j = {parallelism.j}: what is left of {_count(total, 'trainer')}, {total} / ({i} x {k}).",
    )
    return Plan(parallelism, min(saturating_batch, largest_batch), reasons)


def _mini_batch(devices: int, largest_batch: int, saturating_batch: int) -> tuple[int, str]:
    wanted = max(largest_batch // saturating_batch, 1)
    i = _largest_divisor(devices, wanted)
    if largest_batch < saturating_batch:
        return i, (
            f"i = {i}: the largest batch, {largest_batch} events, is smaller than the "
            f"{saturating_batch} events that saturate a device, which will not be fully used."
        )
    reason = (
        f"i = {i}: the largest batch, {largest_batch} events, holds {wanted} x the "
        f"{saturating_batch} events that saturate a device"
    )
    if wanted > devices:
        return i, f"{reason}, and a copy's trainers must fit on a machine's {devices}."
    return i, reason + _shortened(i, wanted, _count(devices, "device") + " of a machine")


def _memory(machines: int, share: int, copies_per_machine: int) -> tuple[int, str]:
    wanted = min(copies_per_machine, share)
    copies = _largest_divisor(share, wanted)
    reason = (
        f"k = {machines * copies}: each machine has {_count(share, 'trainer')} left for j and k "
        f"and room for {_count(copies_per_machine, 'memory copy', 'memory copies')}, and k is as "
        "large as both allow"
    )
    return copies, reason + _shortened(copies, wanted, f"{_count(share, 'trainer')} left")


def _shortened(taken: int, wanted: int, whole: str) -> str:
    if taken == wanted:
        return "."
    return f"; {wanted} does not divide the {whole}, {taken} is the nearest below that does."


def _largest_divisor(number: int, limit: int) -> int:
    return max(d for d in range(1, min(number, limit) + 1) if number % d == 0)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


FACTS = {
    "machines": "number of machines (default 1)",
    "devices": "devices in each machine (default: the GPUs of this one)",
    "largest_batch": "largest acceptable global batch, in events",
    "saturating_batch": "local batch from which a device trains no more events per second",
    "copies_per_machine": "copies of the node memory that fit in a machine's main memory",
}
MEASURES = {
    "captured_events_threshold": "gives largest_batch: the largest share of the events that node "
    "memory may miss because a later event of their node is in the same batch",
    "memory_gib": "gives copies_per_machine: main memory of a machine for node memory, in GiB "
    "(default: half of what is free on this one)",
}
DATASET_KEYS = {
    "dataset": "data set to measure on, as in benchmark.run (dataset.KEY for its options)",
    "datasets_root": "folder searched for data sets, as in benchmark.run",
    "cache_dir": "folder for prepared data sets, as in benchmark.run",
}
HELP = FACTS | MEASURES | DATASET_KEYS
QUESTIONS = {
    "devices": "devices=NUMBER (in each machine)",
    "largest_batch": "largest_batch=EVENTS (or dataset=NAME with captured_events_threshold=SHARE)",
    "saturating_batch": "saturating_batch=EVENTS (the local batch from which a device trains no "
    "more events per second)",
    "copies_per_machine": "copies_per_machine=NUMBER (or dataset=NAME)",
}
SHARE_OF_FREE_MEMORY = 0.5  # the events, their features and the trainers need room too
GIB = 2**30


class Facts(NamedTuple):
    """The arguments of ``plan`` and a sentence about each that was measured."""

    values: dict[str, int]
    measured: list[str]


def gather(words: list[str]) -> Facts:
    """The facts that command-line words ``key=value`` give or allow to measure.

    Raises:
        UserError: If a word is unknown or out of range, or a fact is neither given nor measurable.
    """
    words = complete(words)
    given = _checked(given_values(words))
    folder = [word for word in words if word.startswith(f"{FOLDER}=")]
    values = {"machines": 1} | {key: given[key] for key in FACTS if key in given}
    sentences = {}
    if "devices" not in values and torch.cuda.device_count():
        values["devices"] = torch.cuda.device_count()
        sentences["devices"] = "the GPUs of this machine."
    unknown = [key for key in FACTS if key not in values]
    questions = [QUESTIONS[key] for key in unknown if key not in _measurable(given)]
    if questions:
        raise UserError(f"Please give {', and '.join(questions)}.")
    if unknown:
        words = [to_word(key, value) for key, value in given.items() if _of_dataset(key)]
        config = compose_settings(["model=tgn_attention", *folder, *words])
        check_complete(config)
        dataset = build_dataset(Experiment.from_config(config))
    if "largest_batch" in unknown:
        threshold = given["captured_events_threshold"]
        values["largest_batch"], missed = largest_batch(dataset, threshold)
        sentences["largest_batch"] = (
            f"with larger batches node memory misses more than {threshold:.1%} of the training "
            f"events of {dataset.name} (with this one {missed:.1%})."
        )
    if "copies_per_machine" in unknown:
        free = psutil.virtual_memory().available / GIB
        room = given.get("memory_gib", free * SHARE_OF_FREE_MEMORY)
        size = copy_bytes(dataset.num_nodes, config["model"]["memory_dim"]) / GIB
        if room < size:
            raise UserError(
                f"One copy of the node memory of {dataset.name} takes {size:.3g} GiB and a machine "
                f"has {room:.3g} GiB for it; set memory_gib, or take machines with more memory."
            )
        values["copies_per_machine"] = int(room // size)
        sentences["copies_per_machine"] = (
            f"{room:.3g} GiB of main memory, {size:.3g} GiB for the node memory of {dataset.name}."
        )
    return Facts(values, [f"{key} = {values[key]}: {text}" for key, text in sentences.items()])


def largest_batch(dataset: Dataset, threshold: float) -> tuple[int, float]:
    """The largest batch, in events, with which node memory misses at most a share of the events.

    Of a node's training events in one batch node memory takes in only the last (DistTGL, Figure
    8); the share is counted over the events of all nodes. Also returns the share that is missed.
    """
    part = slice(0, dataset.split.train_end)
    src, dst = dataset.stream.src[part], dataset.stream.dst[part]

    def captured(batch_size: int) -> int:
        return int(captured_events(src, dst, batch_size, dataset.num_nodes).sum())

    everything = captured(1)
    fits, too_large = 1, dataset.split.train_end + 1
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        if 1 - captured(middle) / everything <= threshold:
            fits = middle
        else:
            too_large = middle
    return fits, 1 - captured(fits) / everything


def copy_bytes(num_nodes: int, memory_dim: int) -> int:
    """Size of one copy of the node memory: memories, mails, times and event ids."""
    row = NodeState.empty(1, memory_dim, mail_dim=2 * memory_dim)
    return num_nodes * sum(field.numel() * field.element_size() for field in row)


def _measurable(given: dict[str, Any]) -> set[str]:
    if "dataset" not in given:
        return set()
    batch = {"largest_batch"} if "captured_events_threshold" in given else set()
    return {"copies_per_machine"} | batch


def _of_dataset(key: str) -> bool:
    return key in DATASET_KEYS or key.startswith("dataset.")


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    for key, value in given.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if key in FACTS:
            fine, wanted = isinstance(value, int) and number and value > 0, "a whole number from 1"
        elif key == "captured_events_threshold":
            fine, wanted = number and 0 < value < 1, "a share between 0 and 1"
        elif key == "memory_gib":
            fine, wanted = number and value > 0, "a number above 0"
        elif _of_dataset(key):
            continue
        else:
            raise UserError(f"There is no key {key!r}; choose from {', '.join(HELP)}.")
        if not fine:
            raise UserError(f"{key} must be {wanted}, not {value!r}.")
    return given
