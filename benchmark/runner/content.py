"""What an experiment reads that is not in its settings: its data and classes of one's own."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from benchmark.experiment import Experiment
from benchmark.records.identity import GROUPS, is_own
from benchmark.tasks.build import loader_of, locations_of

Checksums = dict[str, str]


def checksums_of_data(experiment: Experiment, may_download: bool) -> Checksums:
    """The sha256 of every file of the data set by its name, fetched first where it is missing.

    Raises:
        NotDownloadedError: If a file would have to be fetched, and ``may_download`` is not set.
        FileNotFoundError, ValueError, OSError: If the data set cannot be had.
    """
    return loader_of(experiment).checksums(locations_of(experiment, may_download))


def checksums_of_classes(experiment: Experiment) -> dict[str, Checksums]:
    """The sha256 of the file of every class that is not the suite's, by group and module.

    So no result or checkpoint of an earlier version is taken for one of the present.
    """
    found: dict[str, Checksums] = {}
    for group in GROUPS:
        module = str(getattr(experiment, group).get("_target_", "")).rpartition(".")[0]
        if module and not is_own(module) and (source := _source(module)):
            found[group] = {module: hashlib.sha256(source).hexdigest()}
    return found


def _source(module: str) -> bytes:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return b""  # the checks of the experiment say what is wrong with it
    return Path(spec.origin).read_bytes() if spec and spec.origin else b""
