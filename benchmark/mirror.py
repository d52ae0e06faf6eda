"""Weights & Biases as a reader of the record.

``python -m benchmark.mirror FOLDER ...`` sends recorded runs, and the figures of a suite where
FOLDER holds those; ``--follow`` sends a run that is still going on, as it goes. The runner starts
it once for a suite, as a process of its own that standard input tells of every run, so that nothing
that W&B does can stop, slow down or prompt a run.
"""

import argparse
import sys
from pathlib import Path

from benchmark.machine.process_tree import end_with_parent
from benchmark.runner.mirrors.send import resolve_mode, send
from benchmark.runner.settings import WANDB_MODES


def main() -> int:
    """The command; a failure is one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.mirror", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER", help="what to send")
    parser.add_argument("--follow", action="store_true", help="go on until the run has ended")
    parser.add_argument(
        "--mode", choices=WANDB_MODES, default="auto", help="default: online where there is a key"
    )
    arguments = parser.parse_args()
    end_with_parent()
    failed = False
    for folder in arguments.folders or (Path(line.rstrip("\n")) for line in sys.stdin):
        try:
            send(folder, resolve_mode(arguments.mode), arguments.follow)
        except Exception as error:
            failed = True
            print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
