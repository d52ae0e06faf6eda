"""What every task is to the runner, and what its record takes from training."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.experiment import Experiment
from benchmark.machine.place import available_cores
from benchmark.protocol.evaluator import OnScores
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol, build_system, provenance
from benchmark.tasks.readout import LinkReadout, Readout
from benchmark.training.loop import Training, TrainingState
from benchmark.training.processes import Processes
from benchmark.training.system import Goal, System, total_seconds


class Task(ABC):
    """What is measured; a subclass takes the options of its yaml.

    ``trains`` says whether it needs a system. ``label_kinds`` are the kinds of labels of which it
    needs one; empty where it needs none. ``ability`` is the protocol class that its system must be
    of, such as ``EventClassifier``. ``needs_nodes`` says whether it looks at single nodes.
    """

    trains: ClassVar[bool] = False
    needs_nodes: ClassVar[bool] = False
    label_kinds: ClassVar[tuple[LabelKind, ...]] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def ability(self) -> type | None:
        """What the system must be able to do beside training."""
        return None

    @abstractmethod
    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Run the experiment in this process; returns fields of ``result.json`` for rank 0."""


@dataclass(frozen=True)
class Trial:
    """An experiment in this process, and what it names, built."""

    experiment: Experiment
    folder: RunFolder
    processes: Processes
    dataset: Dataset
    protocol: LinkProtocol
    system: System

    def links(self, on_scores: OnScores | None = None) -> LinkReadout:
        """The scores of links; ``on_scores`` as in ``LinkReadout``."""
        batch_size = self.experiment.batch_size
        return LinkReadout(self.system, self.dataset, self.protocol, batch_size, on_scores)


class TrainedTask(Task):
    """A task that trains a system, and can ask the state that is kept of a finished run.

    ``log_interval``, ``test`` and ``keep`` are as in ``Training``.
    """

    trains = True
    goal: Goal
    test = True
    keep = True

    def __init__(self, name: str, log_interval: int) -> None:
        super().__init__(name)
        self.log_interval = log_interval

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Train all epochs; returns what the record takes from training."""
        dataset = build_dataset(experiment)
        self.require(dataset)
        protocol = build_protocol(experiment)
        system = build_system(experiment, dataset, protocol, processes, self.goal)
        trial = Trial(experiment, folder, processes, dataset, protocol, system)
        readout, metric = self.validation(trial)
        training = Training(
            system, readout.evaluate, metric, folder, processes, self.log_interval, self.test,
            experiment.evaluate_every, self.keep,
        )  # fmt: skip
        progress = training.run()
        result = self.completed(trial, outcome(trial, progress, metric))
        processes.barrier()  # the system's shared parts are needed by none any more
        system.close()
        return result

    def require(self, dataset: Dataset) -> None:
        """Refuse a stream that the task cannot work with (ValueError)."""

    @abstractmethod
    def validation(self, trial: Trial) -> tuple[Readout, str]:
        """What is asked to validate training, and which of its metrics decides."""

    @abstractmethod
    def readout(self, trial: Trial, kept: Mapping[str, Any]) -> Readout:
        """How to ask a system that has the state of ``kept``, as ``staged_best`` wrote it."""

    def completed(self, trial: Trial, result: dict[str, Any]) -> dict[str, Any]:
        """The ``result`` of training with what else the task finds; called by all processes."""
        return result


def outcome(trial: Trial, progress: TrainingState, primary_metric: str) -> dict[str, Any]:
    """The fields of ``result.json`` that training decides; a collective call.

    Emulated trainers, processes that share cores and a system that trains no model have no
    throughput.
    """
    experiment, processes, system = trial.experiment, trial.processes, trial.system
    emulated = experiment.parallelism.num_trainers > processes.world_size
    shared = any(processes.gather_objects(share_cores(experiment)))  # on any machine
    timed = system.trains is not None and not (emulated or shared)
    return {
        "metrics": best_metrics(progress, primary_metric),
        "primary_metric": primary_metric,
        "seconds": {
            **progress.prepare_seconds,
            "train": progress.train_seconds,
            "evaluate": progress.evaluate_seconds,
        },
        "cpu_seconds": total_seconds(processes.gather_objects(progress.cpu_seconds)),
        "throughput_events_per_second": throughput(progress) if timed else None,
        "bytes_sent": mean_seconds(processes.gather_objects(progress.bytes_sent)),
        "visibility": str(system.visibility),
        "source": provenance(trial.dataset),
        "seconds_by_part": mean_seconds(processes.gather_objects(progress.seconds_by_part)),
        **device_memory(system.job.training.device, processes),
        **({"pretraining": system.pretraining} if system.pretraining else {}),
        **({"resumed": progress.resumed} if progress.resumed else {}),
    }


def device_memory(device: torch.device, processes: Processes) -> dict[str, int]:
    """The most bytes of tensors that GPUs have held, summed; nothing to tell of a CPU."""
    if device.type != "cuda":
        return {}
    peaks = processes.gather_objects(torch.cuda.max_memory_allocated(device))
    return {"peak_device_memory_bytes": sum(peaks)}


def share_cores(experiment: Experiment) -> bool:
    """Whether a machine has more processes and threads than cores; pinned ones have their own."""
    if experiment.processes_per_machine == 1 or experiment.pin_cores:
        return False
    return experiment.processes_per_machine * experiment.threads_per_process > available_cores()


def best_metrics(progress: TrainingState, primary: str) -> dict[str, float]:
    """Validation at its best round and test at that point, with the primary metric named best."""
    best = dict(progress.best)
    return {f"validation_{primary}_best": best[f"validation_{primary}"], **best}


def mean_seconds(of_processes: list[dict[str, float]]) -> dict[str, float]:
    """Seconds of training by part, the mean over processes."""
    total = total_seconds(of_processes)
    return {part: seconds / len(of_processes) for part, seconds in total.items()}


def throughput(progress: TrainingState) -> float:
    """Training events per second of wall time, every trainer's events counted."""
    return progress.events / progress.train_seconds
