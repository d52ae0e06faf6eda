"""Keep finished runs for good: ``python -m benchmark.keep RUN_FOLDER ...``.

Copies the text files of each run into results/reference/, without what names places on the
machine that ran it.
"""

import argparse
import sys
from pathlib import Path

from benchmark.errors import UserError, one_sentence
from benchmark.tools.keep import REFERENCE, keep


def main(arguments: list[str]) -> int:
    """Keep every run folder named; the exit code is 0 if all had finished."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.keep", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN_FOLDER", help="of one run")
    try:
        for folder in parser.parse_args(arguments).folders:
            print(keep(folder, REFERENCE))
    except (UserError, OSError, ValueError) as error:
        print(f"error: {one_sentence(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
