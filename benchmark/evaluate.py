"""Score a finished run again: ``python -m benchmark.evaluate RUN [SPLIT] [KEY=VALUE ...]``.

The state of its best validation gives the recorded numbers, to the last digit where machine and
libraries are the same. ``protocol=NAME`` and ``protocol.KEY=VALUE`` ask otherwise; ``device``,
``threads``, ``datasets_root`` and ``cache_dir`` are this machine's. See docs/python.md.
"""

import argparse
import sys
import warnings

if __name__ == "__main__":  # what is imported below takes seconds
    print("Starting: importing packages.", file=sys.stderr, flush=True)

from benchmark.errors import PlaceError, UserError, one_sentence
from benchmark.records.run_folder import RunFolder
from benchmark.runner.kept import KeptRun


def main(arguments: list[str]) -> int:
    """Print the metrics, and beside them those recorded; 2 where there is nothing to print."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.evaluate", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("words", nargs="*", metavar="SPLIT|KEY=VALUE", help="default: test")
    parser.add_argument("--scores", metavar="FILE", help=".npz or .parquet: a row for each event")
    options = parser.parse_intermixed_args(arguments)
    splits = [word for word in options.words if "=" not in word] or ["test"]
    try:
        if len(splits) > 1:
            raise UserError(f"{' and '.join(splits)} are several splits; name one.")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", UserWarning)
            run = KeptRun(RunFolder(options.run), *(w for w in options.words if "=" in w))
            metrics = run.evaluate(splits[0], options.scores)
    except (UserError, PlaceError, OSError) as error:
        print(f"error: {one_sentence(error)}", file=sys.stderr)
        return 2
    for warning in said:
        print(f"note: {warning.message}", file=sys.stderr)
    known = run.result["metrics"] if run.asks_as_recorded else {}
    print(f"{'metric':32} {'now':>22} {'recorded':>22}")
    for name, value in metrics.items():
        print(f"{name:32} {value!r:>22} {known.get(name, '-')!s:>22}")
    if not run.asks_as_recorded:
        print("The protocol is not the recorded one: nothing recorded to compare with.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
