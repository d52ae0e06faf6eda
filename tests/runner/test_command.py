"""What is checked of several machines before anything starts, and what identifies a run on them."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.errors import PlaceError, UserError
from benchmark.machine import place
from benchmark.records.identity import fingerprint
from benchmark.runner.command import dry_run, said
from benchmark.runner.suites import expand
from benchmark.submit import main as submit
from tests.experiments import MakeExperiment

WORDS = ["device=cpu", "machines.number=2"]
REFUSED = {
    "system=disttgl processes=3 parallelism.k=3": (
        "processes=3 cannot be shared evenly by 2 machines; choose a multiple of 2."
    ),
    "system=disttgl processes=2 parallelism.i=2": (
        "system.node_memory=replica keeps every memory copy on one machine, and parallelism.k=1 "
        "copies cannot be shared evenly by 2 machines; choose a multiple of 2, or "
        "system.node_memory=sharded."
    ),
    "system=disttgl processes=6 parallelism.i=2 parallelism.k=3 system.node_memory=daemon": (
        "system.node_memory=daemon keeps every memory copy on one machine, and parallelism.k=3 "
        "copies cannot be shared evenly by 2 machines; choose a multiple of 2, or "
        "system.node_memory=sharded."
    ),
    "system=tgl processes=2 parallelism.i=2": (
        "system=tgl keeps one node memory in the memory of one machine; choose system=disttgl to "
        "train on 2."
    ),
    "machines.restarts=-1": "machines.restarts must be at least 0, not -1.",
    "machines.launcher=mpi": (
        "machines.launcher must be one of auto, local, slurm, torchrun, not 'mpi'."
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_layouts_that_machines_cannot_share(words: str) -> None:
    with pytest.raises(UserError) as refused:
        expand([*WORDS, *words.split()], may_download=False)
    assert str(refused.value) == REFUSED[words]


def test_a_layout_of_32_is_checked_and_shown_without_starting_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    degrees = ["parallelism.i=2", "parallelism.j=2", "parallelism.k=8"]
    words = ["system=disttgl", "device=cpu", "machines.number=4", *degrees]
    assert dry_run([*words, "processes=32", "threads=1"]) == 0
    assert (
        "2x2x8: machines 4, processes on each 8, trainers in each process 1\n"
        "  machine 0: ranks 0-7, trainers 0-7, memory copies 0-1\n"
        "  machine 1: ranks 8-15, trainers 8-15, memory copies 2-3\n"
    ) in capsys.readouterr().out


def test_sharded_node_memory_may_cross_machines() -> None:
    words = ["system=disttgl", "processes=2", "parallelism.i=2", "system.node_memory=sharded"]
    assert expand([*WORDS, *words], may_download=False).problems == {}


def test_threads_are_fixed_on_several_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.experiment.available_cores", lambda: 6)
    words = ["system=disttgl", "processes=4", "parallelism.k=4", "threads=null"]
    several = expand([*WORDS, *words], may_download=False).experiments[0]
    assert several.threads == several.threads_per_process == 3
    alone = [*WORDS[:-1], *words]
    one = expand(alone, may_download=False).experiments[0]
    assert one.threads is None
    assert one.threads_per_process == 1


def test_only_the_number_of_machines_identifies_a_run(make_experiment: MakeExperiment) -> None:
    alone = make_experiment()
    old = {key: value for key, value in alone.config().items() if key != "machines"}
    assert fingerprint(old) == alone.fingerprint
    elsewhere = {"here": 1, "meet_at": "a:1", "address": "b", "launcher": "local", "restarts": 2}
    assert make_experiment(machines={"number": 1, **elsewhere}).fingerprint == alone.fingerprint
    two = make_experiment(machines={"number": 2})
    assert two.fingerprint != alone.fingerprint
    assert make_experiment(machines={"number": 2, **elsewhere}).fingerprint == two.fingerprint
    assert two.describe()["machines"] == 2


def test_cores_are_shared_by_the_processes_of_a_machine(make_experiment: MakeExperiment) -> None:
    two = make_experiment(machines={"number": 2}, processes=2, threads=None)
    assert two.processes_per_machine == 1
    assert two.threads_per_process == place.available_cores()


@pytest.mark.parametrize(
    ("number", "kind", "sentence"),
    [
        (errno.ENOSPC, PlaceError, "Disk full: the output cannot be written to"),
        (errno.EPIPE, BrokenPipeError, "Broken pipe"),
        (errno.ENOENT, FileNotFoundError, "No such file"),
    ],
)
def test_output_that_nobody_takes_is_an_end_without_a_traceback(
    number: int, kind: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "dup2", lambda *descriptors: None)

    def act(words: list[str]) -> int:
        raise OSError(number, os.strerror(number))

    with pytest.raises(kind, match=sentence):
        said(act, [])
    assert said(len, ["one"]) == 1


def test_a_batch_script_is_what_sbatch_runs_on_the_nodes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["suite=quick", "system=disttgl", "parallelism.k=2", "processes=2", "device=cuda"]
    options = ["--nodes=2", "--cpus-per-task=8", "--time=1:00:00"]
    assert submit([*options, *words, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "#!/bin/bash",
        "#SBATCH --job-name=quick",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --output=%x-%j.log",
        "#SBATCH --signal=TERM@120",
        "#SBATCH --requeue",
        *(f"#SBATCH {option}" for option in options),
        f"cd {tmp_path}",
        f"exec srun --kill-on-bad-exit=0 --cpus-per-task=8 {sys.executable} -m benchmark.run "
        + " ".join(words),
    ]


def test_what_cannot_run_on_the_nodes_is_not_submitted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    words = ["system=disttgl", "parallelism.k=2", "processes=2"]
    assert submit(["--nodes=3", *words]) == 2
    assert "processes=2 cannot be shared evenly by 3 machines" in capsys.readouterr().err
    assert submit(words) == 2
    assert "Say on how many machines: --nodes=NUMBER." in capsys.readouterr().err
    assert submit(["--nodes=2", *words]) == 2
    assert "there is no sbatch here" in capsys.readouterr().err


def test_something_is_printed_before_what_takes_long_is_imported() -> None:
    """And nothing else, also where a reader has seen enough of the list."""
    listed = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "benchmark.run", "--list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert listed.stdout is not None and listed.stderr is not None
    listed.stdout.close()
    shown = listed.stderr.read()
    assert listed.wait() == 128 + signal.SIGPIPE
    before, said, after = shown.partition("Starting: importing packages.\n")
    assert said
    assert all(line.startswith("import time:") for line in (before + after).splitlines())
    slow = ("torch", "hydra", "pandas", "omegaconf", "numpy")
    assert not any(f"| {' ' * depth}{name}\n" in before for name in slow for depth in range(12))
    assert "torch" in after
