"""Keep finished runs for good: ``python -m benchmark.keep RUN_FOLDER ...``.

Copies the text files of each run into results/reference/, without what names places on the
machine that ran it.
"""

import sys
from pathlib import Path

from benchmark.errors import UserError, one_sentence
from benchmark.tools.keep import REFERENCE, keep


def main(arguments: list[str]) -> int:
    """Keep every run folder named; the exit code is 0 if all had finished."""
    if not arguments:
        print(__doc__)
        return 2
    try:
        for argument in arguments:
            print(keep(Path(argument), REFERENCE))
    except (UserError, OSError, ValueError) as error:
        print(f"error: {one_sentence(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
