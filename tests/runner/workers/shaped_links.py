"""``suite=machines`` over links of several rates, between two network namespaces (Linux, root).

``python -m tests.runner.workers.shaped_links FOLDER RATE ... [-- WORD ...]``, with a rate such as
20mbit or "unlimited", writes the records to FOLDER/RATE and FOLDER/links.csv: bytes that machine 0
has sent in one iteration, as counted by purpose and by its interface, and seconds by part. The
interface's count has the evaluation and the launcher's traffic in it too.
"""

import sys
from pathlib import Path

import pandas as pd

from benchmark.records.run_folder import RunFolder
from tests.runner.workers.namespaces import namespaces

LAYOUTS = [("1x1x2", "replica"), ("1x1x2", "daemon"), ("1x1x2", "sharded"), ("2x1x1", "sharded")]
Row = dict[str, object]


def measure(results: Path, rate: str, layout: str, node_memory: str, words: list[str]) -> Row:
    """Run one layout over two machines; what it has sent and how long it took."""
    i, j, k = layout.split("x")
    degrees = [f"parallelism.{name}={value}" for name, value in zip("ijk", (i, j, k), strict=True)]
    chosen = ["suite=machines", *degrees, f"system.node_memory={node_memory}"]
    with namespaces(2) as machines:
        for machine in range(2):
            if rate != "unlimited":
                machines.shape(machine, rate)
        started = [
            machines.start(
                machine,
                [*chosen, *words, f"results_dir={results}"],
                results.with_name(f"{rate}-{layout}-{node_memory}-{machine}.log"),
            )
            for machine in range(2)
        ]
        codes = [process.wait() for process in started]
        sent = machines.sent(0)
    if any(codes):
        raise SystemExit(f"{layout} {node_memory} at {rate} has failed: {codes}")
    (run,) = (
        folder
        for folder in map(RunFolder, results.glob(f"machines/*-{layout}-*"))
        if folder.config()["system"]["node_memory"] == node_memory
    )
    result, iterations = run.result(), max(line["iteration"] for line in run.metrics())
    assert result is not None
    purposes = {f"{name}_bytes": n / iterations for name, n in result["bytes_sent"].items()}
    parts = {f"{name}_ms": 1000 * s / iterations for name, s in result["seconds_by_part"].items()}
    return {
        "rate": rate,
        "i x j x k": layout,
        "node_memory": node_memory,
        "iterations": iterations,
        "events_per_second": result["throughput_events_per_second"],
        "interface_bytes": sent / iterations,
        **purposes,
        **parts,
    }


def main(folder: str, *arguments: str) -> None:
    """Measure all layouts at all rates."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    rates, words = arguments[:cut], list(arguments[cut + 1 :])
    rows = []
    for rate in rates:
        results = Path(folder) / rate
        results.mkdir(parents=True, exist_ok=True)
        for layout, node_memory in LAYOUTS:
            rows.append(measure(results, rate, layout, node_memory, words))
            pd.DataFrame(rows).to_csv(Path(folder) / "links.csv", index=False)
    print(pd.DataFrame(rows).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
