"""``suite=machines`` over links of several kinds, between two network namespaces (Linux, root).

``python -m tests.runner.workers.shaped_links FOLDER LINK ... [-- WORD ...]``, with a LINK such as
20mbit (a rate, by ``tc tbf``), 40ms (a round trip, by a relay) or "unlimited", writes the records
to FOLDER: the link's name is ``machines.link`` there, and how fast it was is in environment.json.
"""

import sys
from contextlib import nullcontext
from pathlib import Path

from tests.runner.workers.namespaces import namespaces
from tests.runner.workers.relay import latency


def measure(folder: Path, link: str, words: list[str]) -> None:
    """Run the suite over one link; SystemExit where it fails."""
    chosen = ["suite=machines", f"machines.link={link}", f"results_dir={folder}", *words]
    with namespaces(2) as machines:
        trip = float(link.removesuffix("ms")) / 1000 if link.endswith("ms") else 0.0
        with latency(machines, trip / 2) if trip else nullcontext():
            for machine in range(2):
                if link.endswith("bit"):
                    machines.shape(machine, link)
            started = [
                machines.start(machine, chosen, folder / f"{link}-machine{machine}.log")
                for machine in range(2)
            ]
            codes = [process.wait() for process in started]
    if any(codes):
        raise SystemExit(f"the suite over {link} has failed, see {folder}/{link}-machine*.log")


def main(folder: str, *arguments: str) -> None:
    """Measure all links, one after the other."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for link in arguments[:cut]:
        measure(Path(folder), link, list(arguments[cut + 1 :]))


if __name__ == "__main__":
    main(*sys.argv[1:])
