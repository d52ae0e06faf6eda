"""The main command: ``python -m benchmark.run suite=NAME KEY=VALUE ...``, see ``--help``.

From Python: ``from benchmark.run import experiment, load_run, run`` (docs/python.md).
"""

import os
import signal
import sys

from benchmark.errors import PlaceError, UserError
from benchmark.runner.compose import complete
from benchmark.runner.help import help_page
from benchmark.runner.python import Run, experiment, load_run, run
from benchmark.runner.suite_run import Interrupted, list_suite, run_suite
from benchmark.runner.suites import expand

__all__ = ["Run", "experiment", "load_run", "run"]
USER_ERROR = 2
INTERRUPTED = 128  # plus the number of the signal, as shells do


def main(arguments: list[str]) -> int:
    """Run a suite; the exit code is 0 if every experiment has finished."""
    if {"--help", "-h"} & set(arguments):
        print(help_page())
        return 0
    words = [argument for argument in arguments if argument != "--list"]
    try:
        suite = expand(complete(words), may_download="--list" not in arguments)
        return list_suite(suite) if "--list" in arguments else run_suite(suite)
    except (UserError, PlaceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except BrokenPipeError:  # what reads the list, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED + signal.SIGPIPE
    except Interrupted as interrupted:
        print(f"Interrupted. The same command goes on: {suite.command}", file=sys.stderr)
        return INTERRUPTED + interrupted.args[0]
    except KeyboardInterrupt:  # before anything was started
        return INTERRUPTED + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
