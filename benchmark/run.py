"""The main command, ``python -m benchmark.run --help``; for Python see docs/python.md."""

import gc
import signal
import sys

if __name__ == "__main__":  # what is imported below takes seconds
    from benchmark.runner.workers.fork_server import fork_here

    fork_here()

from benchmark.errors import PlaceError, UserError
from benchmark.runner.command import dry_run, list_command, run_command, said, show_command
from benchmark.runner.help import HELP, print_help
from benchmark.runner.python import Run, experiment, load_run, run
from benchmark.runner.suite_run import Interrupted
from benchmark.runner.suites import pasted
from benchmark.runner.words import complete

__all__ = ["Run", "experiment", "load_run", "run"]
USER_ERROR = 2
INSTEAD = {"--list": list_command, "--show": show_command, "--dry-run": dry_run}  # of running
INTERRUPTED = 128  # plus the number of the signal, as shells do


def main(arguments: list[str]) -> int:
    """Run a suite; the exit code is 0 if every experiment has finished."""
    words = [each for each in arguments if each not in INSTEAD]
    instead = sorted(set(arguments) & set(INSTEAD))
    act = INSTEAD[instead[0]] if instead else run_command
    try:
        if len(instead) > 1:
            raise UserError(f"{' and '.join(instead)} are several things to do; write one of them.")
        words = complete(words)
        return said(print_help if HELP & set(words) else act, words)
    except (UserError, PlaceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except BrokenPipeError:  # what reads the list, such as head, has seen enough
        return INTERRUPTED + signal.SIGPIPE
    except Interrupted as interrupted:
        print(f"Interrupted. The same command goes on: {pasted(words)}", file=sys.stderr)
        return INTERRUPTED + interrupted.args[0]
    except KeyboardInterrupt:  # before anything was started
        return INTERRUPTED + signal.SIGINT


if __name__ == "__main__":
    gc.enable()
    sys.exit(main(sys.argv[1:]))
