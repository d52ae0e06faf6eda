"""What a finished run says of pairs of your own: ``python -m benchmark.predict RUN PAIRS``.

PAIRS is csv or parquet with the columns source, destination and time, written as in the files of
the data set; they come back with a column for each answer. KEY=VALUE as for benchmark.evaluate. See
docs/python.md.
"""

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":  # what is imported below takes seconds
    print("Starting: importing packages.", file=sys.stderr, flush=True)

from benchmark.errors import PlaceError, UserError, one_sentence
from benchmark.records.run_folder import RunFolder
from benchmark.runner.kept import KeptRun
from benchmark.storage.files import check_named, written_whole


def main(arguments: list[str]) -> int:
    """Write the pairs with their answers as csv; 2 where one of them cannot be asked about."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.predict", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("pairs", metavar="PAIRS", type=Path, help="csv or parquet")
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="of this machine")
    parser.add_argument("--out", metavar="FILE", type=Path, help="csv; default: standard output")
    options = parser.parse_intermixed_args(arguments)
    try:
        if options.out is not None:
            check_named(options.out, [".csv"])
        answers = KeptRun(RunFolder(options.run), *options.words).predict(options.pairs)
        if options.out is None:
            print(answers.to_csv(index=False), end="")
            return 0
        with written_whole(options.out, "--out") as temporary:
            answers.to_csv(temporary, index=False)
    except (UserError, PlaceError, OSError) as error:
        print(f"error: {one_sentence(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
