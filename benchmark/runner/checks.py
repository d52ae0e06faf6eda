"""Whether an experiment can be run, found out in the parent process before anything starts."""

from contextlib import suppress

from benchmark.errors import UserError, one_sentence
from benchmark.experiment import Experiment
from benchmark.machine.device import choose_device
from benchmark.machine.place import Place
from benchmark.records.identity import GROUPS
from benchmark.storage.locations import NotDownloadedError
from benchmark.tasks.build import loader_of, locations_of
from benchmark.tasks.choices import check_group, class_of
from benchmark.tasks.requirements import check_protocol, check_task


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
