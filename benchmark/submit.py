"""Submit a suite to SLURM: ``python -m benchmark.submit --nodes=4 suite=NAME KEY=VALUE ...``.

What begins with ``-`` is an option of sbatch, the rest as for ``benchmark.run``. The suite is
checked first; ``--dry-run`` prints the batch script and submits nothing (docs/cluster.md).
"""

import subprocess
import sys

from benchmark.errors import UserError
from benchmark.runner.words import FOLDER, complete
from benchmark.tools.batch_script import batch_script

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
