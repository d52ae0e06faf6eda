"""Damaged inputs: each loads with the right statistics or is refused by name; nothing else."""

import csv
import io
import random
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import FrameType

import pytest
import torch

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.jodie import JODIE, DyGLib
from benchmark.datasets.loader import Loader
from benchmark.datasets.plain_text import SNAP, Quadruples
from benchmark.datasets.table import Table
from benchmark.datasets.tgl import TGL
from benchmark.storage.formats import open_unpacked
from benchmark.storage.locations import Locations
from tests.datasets.mutations import FORMATS, mutate

SECONDS_PER_CASE = 20
MEBIBYTES = 400  # that all cases together may add to the peak of the process

LOADERS: dict[str, Callable[[], Loader]] = {
    "jodie": lambda: JODIE(name="sample", url=None),
    "snap": lambda: SNAP(name="sample", folder="sample", files=["sample.txt"], url=None),
    "quadruples": lambda: Quadruples(name="sample", url=None),
    "table": lambda: Table(
        name="sample",
        path="sample.csv",
        source="source",
        destination="destination",
        time="time",
        features=["weight"],
        labels=["flag"],
        label_kind="edge",
    ),
    "dyglib": lambda: DyGLib(name="sample", url=None),
    "tgl": lambda: TGL(name="sample"),
}


@contextmanager
def no_hang() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"not done after {SECONDS_PER_CASE} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS_PER_CASE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def plain_events(path: Path, separators: Sequence[str | None], header: bool) -> list[list[str]]:
    """The fields of every event of a text file, read line by line; no row is left out.

    Comments stand at the top; the separator is the first that gives three fields.
    """
    with open_unpacked(path) as file:
        text = file.read().decode("utf-8-sig")
    lines = io.StringIO(text, newline="").readlines()
    while lines[0].startswith(("#", "%")):
        del lines[0]
    for separator in separators:
        if separator is None:
            rows = [line.split() for line in lines]
        else:
            rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        if len(rows[0]) >= 3:
            break
    rows = [row for row in rows if row and not (len(row) == 1 and not row[0].strip())]
    return rows[1 if header else 0 :]


def check_statistics(kind: str, dataset: Dataset, folder: Path) -> None:
    """What was loaded is the file, event for event, as far as it can be read plainly."""
    stream = dataset.stream
    assert stream.src.dtype == stream.dst.dtype == stream.t.dtype == torch.int64
    assert bool((stream.t.diff() >= 0).all())
    assert int(stream.t[0]) == 0
    assert torch.isfinite(stream.msg).all()
    assert 0 < dataset.split.train_end < dataset.split.validation_end < dataset.num_events
    assert int(dataset.nodes.max()) < dataset.num_nodes <= 2 * dataset.num_events
    if kind == "quadruples":
        files = [folder / name for name in ("train.txt", "valid.txt", "test.txt")]
        rows = [row for file in files for row in plain_events(file, [None], header=False)]
        ends, times = [(row[0], row[2]) for row in rows], [row[3] for row in rows]
    elif kind == "snap":
        rows = plain_events(folder / "sample.txt", [",", ";", None], header=False)
        ends, times = [(row[0], row[1]) for row in rows], [row[2] for row in rows]
    else:
        name, columns = {
            "jodie": ("sample.csv", (0, 1, 2)),
            "table": ("sample.csv", (0, 1, 2)),
            "dyglib": ("ml_sample.csv", (1, 2, 3)),
            "tgl": ("edges.csv", (1, 2, 3)),
        }[kind]
        separators = [",", "\t", ";", None] if kind == "table" else [","]
        rows = plain_events(folder / name, separators, header=True)
        ends = [(row[columns[0]].strip(), row[columns[1]].strip()) for row in rows]
        times = [row[columns[2]] for row in rows]
    assert dataset.num_events == len(ends)
    exact = sorted(map(Decimal, times))
    assert stream.t.tolist() == [time - exact[0] for time in exact]
    if kind == "table":
        assert len(dataset.nodes) == len({end for pair in ends for end in pair})
    elif kind == "jodie":
        users, items = ({float(pair[i]) for pair in ends} for i in (0, 1))
        assert len(dataset.nodes) == len(users) + len(items)
    else:
        assert len(dataset.nodes) == len({float(end) for pair in ends for end in pair})


def run_case(seed: int, root: Path) -> str:
    """One mutated input of a format; "loaded" or "refused"."""
    rng = random.Random(seed)
    kind = list(FORMATS)[seed % len(FORMATS)]
    folder = root / "data" / "sample"
    folder.mkdir(parents=True)
    FORMATS[kind](folder, rng)
    files = sorted(folder.iterdir())
    done = mutate(rng.choice(files), rng)
    where = f"seed {seed}, {kind}: {done}"
    try:
        with no_hang():
            dataset = LOADERS[kind]().load(Locations(root / "data", root / "cache"))
    except (ValueError, FileNotFoundError) as error:
        text = str(error)
        assert type(error) in (ValueError, FileNotFoundError), f"{where}: {error!r}"
        assert any(file.name in text for file in files) or "data set sample" in text, (
            f"{where}: names no file: {text}"
        )
        assert "\n" not in text.strip(), f"{where}: not one sentence: {text}"
        return "refused"
    except Exception as error:
        raise AssertionError(f"{where}: {error!r}") from error
    try:
        check_statistics(kind, dataset, folder)
    except (AssertionError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise AssertionError(f"{where}: loaded, but {error!r}") from error
    return "loaded"


def run_cases(seeds: range, root: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = [run_case(seed, root / str(seed)) for seed in seeds]
    assert outcomes.count("refused") > len(seeds) / 3
    assert outcomes.count("loaded") > len(seeds) / 20
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MEBIBYTES


def test_a_sample_of_mutated_inputs(tmp_path: Path) -> None:
    run_cases(range(500), tmp_path)


@pytest.mark.slow
def test_ten_thousand_mutated_inputs(tmp_path: Path) -> None:
    run_cases(range(10_000), tmp_path)
