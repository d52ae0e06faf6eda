"""Submit a suite to SLURM: ``python -m benchmark.submit --nodes=4 suite=NAME KEY=VALUE ...``.

What begins with ``-`` is an option of sbatch, the rest as for ``benchmark.run``. The suite is
checked first; ``--dry-run`` prints the batch script and submits nothing (docs/cluster.md).
"""

import os
import shlex
import subprocess
import sys

from benchmark.errors import UserError
from benchmark.runner.suites import expand
from benchmark.runner.words import FOLDER, complete, to_word

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


SHOW = "--dry-run"


def main(arguments: list[str]) -> int:
    """Check, then print or submit; the exit code of sbatch."""
    words = complete(arguments)
    options = [each for each in words if each.startswith("-") and not each.startswith(FOLDER)]
    if {"--help", "-h"} & {*options} or not words:
        print(__doc__)
        return 0
    try:
        script = batch_script(
            [each for each in options if each != SHOW],
            [each for each in words if each not in options],
        )
        if SHOW in options:
            print(script, end="")
            return 0
        return subprocess.run(["sbatch"], input=script, text=True, check=False).returncode
    except FileNotFoundError:
        print("error: there is no sbatch here; submit on a machine that has it.", file=sys.stderr)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
