"""The parts of the report of a GPU: commands, what they print, and the page of that."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.machine.environment import environment
from benchmark.records.words import cores
from benchmark.storage.files import write_whole

LAST_LINES = 60  # of what a command prints
PATIENCE = 20  # seconds that an interrupted command has to end by itself
BATCH_SIZES = (600, 1200, 4000)
TINY = ("dataset=synthetic", "dataset.num_events=1500", "threads=1")


@dataclass(frozen=True)
class Step:
    """One ``command`` (arguments of python) and what it answers."""

    title: str
    question: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """The end of what a step printed; ``code`` is its exit code, None where time ran out."""

    code: int | None
    seconds: float
    output: str


def steps_of(folder: Path, device: str, tiny: bool) -> list[Step]:
    """What is asked, the most telling first; runs go below ``folder``."""
    here = (f"results_dir={folder}/runs", f"device={device}", "wandb.mode=disabled")
    small = TINY if tiny else ()
    suite = ("-m", "benchmark.run")
    sizes = ",".join(str(size) for size in (BATCH_SIZES if not tiny else (100, 200)))
    peers = ("suite=peers", f"batch_size={sizes}", "system=tgn,disttgl", "random_edge_features=172")
    exactness = ("suite=exactness", "processes=1", "max_events=1200")
    data = TINY if tiny else ("dataset=wikipedia",)
    profiled = ("system=disttgl", "random_edge_features=172", *here, *data)
    return [
        Step(
            "Tests",
            "Do kernels and training give on the device what they give on a CPU?",
            ("-m", "pytest", "-n", "0", "-q", "-m", "cuda", "tests"),
        ),
        Step(
            "Profile",
            "What does a step of training at batch 600 launch, wait for and spend?",
            ("-m", "benchmark.tools.step_profile", *profiled),
        ),
        Step(
            "Peers",
            "How fast are DistTGL and PyG's TGN, one after the other on this card?",
            (*suite, *peers, f"seeds={1 if tiny else 2}", *here, *small),
        ),
        Step(
            "Exactness",
            "Do layouts and node memories agree, in float64?",
            (*suite, *exactness, *here, *small),
        ),
        Step(
            "Agreement",
            "How far do these runs differ, relatively?",
            ("-m", "benchmark.agreement", f"{folder}/runs/exactness"),
        ),
    ]


def report(steps: Sequence[Step], folder: Path, seconds: float, device: str) -> bool:
    """Run what has not succeeded yet, in so many ``seconds``, and write report.md.

    The page is written anew after every step; whether all of them have succeeded is returned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    known = _known(folder)
    machine = environment(threads=1)
    for step in steps:
        done = known.get(step.title)
        if done is None or done.code != 0:
            known[step.title] = _run(step.command, end - time.monotonic())
        kept = {title: asdict(outcome) for title, outcome in known.items()}
        write_whole(folder / "steps.json", json.dumps(kept, indent=2) + "\n", "--folder")
        write_whole(folder / "report.md", page(steps, known, machine, device), "--folder")
    return all(known[step.title].code == 0 for step in steps)


def _known(folder: Path) -> dict[str, Outcome]:
    """What earlier calls have found out."""
    try:
        kept = json.loads((folder / "steps.json").read_text())
        return {title: Outcome(**outcome) for title, outcome in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _run(command: Sequence[str], seconds: float) -> Outcome:
    """Run one command, interrupted as by Ctrl-C where it takes longer."""
    start = time.monotonic()
    if seconds <= 0:
        return Outcome(None, 0.0, "")
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        code: int | None = None
        try:
            output, _ = process.communicate(timeout=seconds)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            try:
                output, _ = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
    last = "\n".join(output.rstrip().splitlines()[-LAST_LINES:])
    return Outcome(code, time.monotonic() - start, last)


def page(
    steps: Sequence[Step], known: dict[str, Outcome], machine: dict[str, Any], device: str
) -> str:
    """The page in Markdown."""
    where = ", ".join(machine["gpus"]) if device == "cuda" else machine["cpu"]
    lines = [
        f"# Report of {device}",
        "",
        f"{where or 'no GPU'}; torch {machine['libraries']['torch']}; {cores(machine['cores'])}; "
        f"commit {machine['commit']}{' and changes' if machine['uncommitted_changes'] else ''}.",
    ]
    for step in steps:
        command = " ".join(("python", *step.command))
        lines += ["", f"## {step.title}", "", step.question, "", f"`{command}`", ""]
        lines += _told(known.get(step.title))
    return "\n".join(lines) + "\n"


def _told(outcome: Outcome | None) -> list[str]:
    if outcome is None:
        return ["Not begun."]
    if outcome.code is None:
        ended = f"Not in time, after {outcome.seconds:.0f} s: the same command goes on."
    elif outcome.code:
        ended = f"Failed with exit code {outcome.code} after {outcome.seconds:.0f} s."
    else:
        ended = f"{outcome.seconds:.0f} s."
    return [ended, "", "```", outcome.output, "```"] if outcome.output else [ended]
