"""What the record takes from training, the same for every task."""

from typing import Any

import torch

from benchmark.datasets.dataset import Dataset
from benchmark.experiment import Experiment
from benchmark.machine.place import available_cores
from benchmark.tasks.build import provenance
from benchmark.training.loop import TrainingState
from benchmark.training.processes import Processes
from benchmark.training.system import System, total_seconds


def close(system: System, processes: Processes) -> None:
    """Give back what ``system`` holds, once no process needs it any more."""
    processes.barrier()
    system.close()


def outcome(
    experiment: Experiment,
    dataset: Dataset,
    system: System,
    progress: TrainingState,
    processes: Processes,
    primary_metric: str,
) -> dict[str, Any]:
    """The fields of ``result.json`` that training decides; a collective call.

    Emulated trainers, processes that share cores and a system that trains no model have no
    throughput.
    """
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
        "source": provenance(dataset),
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
