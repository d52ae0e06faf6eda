"""What SLURM is given to run a suite on several machines."""

import os
import shlex
import sys

from benchmark.errors import UserError
from benchmark.runner.suites import expand
from benchmark.runner.words import to_word

NODES = "--nodes="
# SIGTERM before the time is up leaves a checkpoint; a job that is preempted is queued again.
OF_SBATCH = ["--ntasks-per-node=1", "--output=%x-%j.log", "--signal=TERM@120", "--requeue"]


def batch_script(options: list[str], words: list[str]) -> str:
    """What sbatch is given, with its ``options``, to run the words on the nodes of a job.

    Raises UserError where they could not run there, whatever cores and devices this machine has.
    """
    nodes = [each.removeprefix(NODES) for each in options if each.startswith(NODES)]
    if len(nodes) != 1 or not nodes[0].isdigit():
        raise UserError("Say on how many machines: --nodes=NUMBER.")
    there = {"device": "cpu", "suite.fit_hardware": False, "machines.number": int(nodes[0])}
    kept = [each for each in words if each.partition("=")[0] not in there]
    suite = expand([*kept, *(to_word(key, there[key]) for key in there)], may_download=False)
    if len(suite.problems) == len(suite.experiments):
        raise UserError(next(iter(suite.problems.values())))
    named = [f"--job-name={suite.name}", *OF_SBATCH, *options]  # the last of a kind is taken
    cores = [each for each in options if each.startswith("--cpus-per-task=")]  # not inherited
    srun = ["srun", "--kill-on-bad-exit=0", *cores, sys.executable, "-m", "benchmark.run", *words]
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH {option}" for option in named),
            f"cd {shlex.quote(os.getcwd())}",
            f"exec {shlex.join(srun)}\n",
        ]
    )
