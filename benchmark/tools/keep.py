"""Keeps finished runs for good, without what names places on the machine that ran them."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.records.identity import NOT_IDENTITY
from benchmark.records.run_folder import RunFolder
from benchmark.records.seal import BESIDE, ENVIRONMENT, LINES
from benchmark.storage.files import written_whole

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
# Of these only the suite and its seeds say what was computed.
LEFT_OUT = set(NOT_IDENTITY) - {"suite", "seeds"}
FOUND = ("here", "meet_at", "address")  # of one machine
COPIED = (ENVIRONMENT, LINES, *BESIDE)


def keep(source: Path, reference: Path) -> Path:
    """Copy the record of a finished run, as a whole or not at all; returns its new folder.

    Raises:
        UserError: If the run has not finished, or its record is damaged.
    """
    folder = RunFolder(source)
    if damage := folder.problem():
        raise UserError(f"{damage}; run its command again first.")
    result = folder.result()
    if result is None or result["status"] != "finished":
        raise UserError(f"{source} holds no finished run; run its command again first.")
    target = reference / result["suite"] / source.resolve().name
    command = without_incidentals(result["command"])
    places: dict[str, Any] = {
        "results_dir": "results/runs",
        "datasets_root": None,
        "cache_dir": None,
    }
    config = folder.config()
    if "machines" in config:
        places["machines"] = config["machines"] | dict.fromkeys(FOUND)
    config = {**config, **places, "command": command}
    with written_whole(target, key="") as temporary:
        temporary.mkdir()
        for name in COPIED:
            if (source / name).exists():
                shutil.copyfile(source / name, temporary / name)
        RunFolder(temporary).write_config(config)
        RunFolder(temporary).finish({**result, "command": command})
    return target


def without_incidentals(command: str) -> str:
    """The command without the words that change nothing of what is computed."""
    words = shlex.split(command)
    return shlex.join(
        word for word in words
        if not {re.split("[.=]", word)[0], word.partition("=")[0]} & LEFT_OUT
    )  # fmt: skip
