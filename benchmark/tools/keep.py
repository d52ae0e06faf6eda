"""Keeps finished runs for good, without what names places on the machine that ran them."""

import re
import shlex
import shutil
from pathlib import Path

from benchmark.errors import UserError
from benchmark.records.identity import NOT_IDENTITY
from benchmark.records.run_folder import RunFolder

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
# Of these only the suite and its seeds say what was computed.
LEFT_OUT = set(NOT_IDENTITY) - {"suite", "seeds"}
COPIED = ("environment.json", "metrics.jsonl", "bars.csv", "nodes.csv")


def keep(source: Path, reference: Path) -> Path:
    """Copy the record of a finished run; returns its new folder.

    Raises:
        UserError: If the run has not finished.
    """
    folder = RunFolder(source)
    result = folder.result()
    if result is None or result["status"] != "finished":
        raise UserError(f"{source} holds no finished run; run its command again first.")
    target = reference / result["suite"] / source.name
    target.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    command = without_incidentals(result["command"])
    config = folder.config()
    places = {"results_dir": "results/runs", "datasets_root": None, "cache_dir": None}
    if "machines" in config:
        found = dict.fromkeys(("here", "meet_at", "address"))
        places["machines"] = config["machines"] | found
    RunFolder(target).write_config({**config, **places, "command": command})
    RunFolder(target).finish({**result, "command": command})
    return target


def without_incidentals(command: str) -> str:
    """The command without the words that change nothing of what is computed."""
    words = shlex.split(command)
    return shlex.join(
        word for word in words
        if not {re.split("[.=]", word)[0], word.partition("=")[0]} & LEFT_OUT
    )  # fmt: skip
