"""The main command: ``python -m benchmark.run suite=NAME KEY=VALUE ...``, see ``--help``.

From Python: ``from benchmark.run import experiment, load_run, run`` (docs/python.md).
"""

import os
import signal
import sys

if __name__ == "__main__":  # what is imported below takes seconds
    print("Starting: importing packages.", file=sys.stderr, flush=True)

from benchmark.errors import PlaceError, UserError
from benchmark.runner.help import help_page
from benchmark.runner.python import Run, experiment, load_run, run
from benchmark.runner.suite_run import Interrupted, list_suite, run_suite, show_suite
from benchmark.runner.suites import expand
from benchmark.runner.words import complete

__all__ = ["Run", "experiment", "load_run", "run"]
USER_ERROR = 2
INTERRUPTED = 128  # plus the number of the signal, as shells do
LOOKS = {"--list": list_suite, "--show": show_suite}  # that run nothing


def main(arguments: list[str]) -> int:
    """Run a suite; the exit code is 0 if every experiment has finished."""
    looks = [LOOKS[argument] for argument in arguments if argument in LOOKS]
    words = [argument for argument in arguments if argument not in LOOKS]
    try:
        words = complete(words)
        if {"--help", "-h"} & set(words):
            print(help_page([word for word in words if word not in ("--help", "-h")]))
            return 0
        suite = expand(words, may_download=not looks)
        return looks[0](suite) if looks else run_suite(suite)
    except (UserError, PlaceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except BrokenPipeError:  # what reads the list, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED + signal.SIGPIPE
    except Interrupted as interrupted:
        print(f"Interrupted. The same command goes on: {suite.pasted}", file=sys.stderr)
        return INTERRUPTED + interrupted.args[0]
    except KeyboardInterrupt:  # before anything was started
        return INTERRUPTED + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
