"""The state of the best validation, kept beside the checkpoints for what comes after training."""

import shutil
from pathlib import Path
from typing import Any

import torch

from benchmark.records.run_folder import RunFolder
from benchmark.records.seal import CONFIG
from benchmark.storage.files import seal, sealed, written_whole
from benchmark.training.checkpoint import KEY, write_state

BEST = "best"
STATE = "state.pt"


def write_best(folder: RunFolder, state: dict[str, Any], metrics: dict[str, float]) -> None:
    """Let ``best/`` hold ``state``, the experiment, and in a sealed manifest the ``metrics``.

    As a whole or not at all; for one process of a run.
    """
    target = folder.path / BEST
    with written_whole(target, KEY) as temporary:
        temporary.mkdir()
        sums = {STATE: write_state(temporary / STATE, state, KEY)}
        shutil.copyfile(folder.path / CONFIG, temporary / CONFIG)
        seal(temporary, KEY, name=BEST, sha256=sums, metrics=metrics)


def read_best(path: Path, metrics: dict[str, float]) -> dict[str, Any]:
    """The state in ``best/`` of the run folder ``path``, on the CPU.

    Raises:
        ValueError: If there is none, it is damaged, or it is not that of the recorded ``metrics``.
    """
    target = path / BEST
    again = "give its command another results_dir to run it again"
    if not target.is_dir():
        raise ValueError(
            f"{path} has no {BEST}/, the state of its best validation (earlier versions kept none, "
            f"and kept records are text alone); {again}."
        )
    try:
        known = sealed(target)["metrics"]
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path}: {error}; {again}.") from error
    wrong = [name for name, value in known.items() if metrics.get(name) != value]
    if wrong:
        raise ValueError(
            f"{target} is of another validation than the record: {wrong[0]} is {known[wrong[0]]} "
            f"there and {metrics.get(wrong[0])} in result.json; {again}."
        )
    return dict(torch.load(target / STATE, map_location="cpu", weights_only=True))
