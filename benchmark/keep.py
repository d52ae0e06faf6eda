"""Keep finished runs for good: ``python -m benchmark.keep RUN_FOLDER ...``.

Copies the text files of each run into results/reference/, without what names places on the
machine that ran it.
"""

import re
import shlex
import shutil
import sys
from pathlib import Path

from omegaconf import OmegaConf

from benchmark.errors import UserError
from benchmark.experiment import NOT_IDENTITY
from benchmark.records.run_folder import RunFolder

REFERENCE = Path(__file__).parents[1] / "results" / "reference"
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
    config.update({"results_dir": "results/runs", "datasets_root": None, "cache_dir": None})
    config.command = command
    OmegaConf.save(config, target / "config.yaml")
    RunFolder(target).finish({**result, "command": command})
    return target


def without_incidentals(command: str) -> str:
    """The command without the words that change nothing of what is computed."""
    words = shlex.split(command)
    return shlex.join(word for word in words if re.split("[.=]", word)[0] not in LEFT_OUT)


def main(arguments: list[str]) -> int:
    """Keep every run folder named; the exit code is 0 if all had finished."""
    if not arguments:
        print(__doc__)
        return 2
    try:
        for argument in arguments:
            print(keep(Path(argument), REFERENCE))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
