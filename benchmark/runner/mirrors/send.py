"""Sends recorded runs to Weights & Biases."""

import json
import math
import netrc
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast, get_args
from urllib.parse import urlparse

from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.runner.mirrors.figures import is_figures, mirror_figures
from benchmark.runner.mirrors.quiet import QUIET

LOOK_SECONDS = 2.0
BEGUN = "W&B has begun"  # said once it has answered
TAGGED = ("system", "dataset", "protocol", "task")
LONGEST_TAG = 64  # more is an error of W&B
Mode = Literal["online", "offline", "disabled"]


def resolve_mode(mode: str) -> Mode:
    """``online``, ``offline`` or ``disabled``; ``auto`` is online where there is an API key.

    The variable WANDB_MODE decides ``auto`` where it is set.
    """
    if mode != "auto":
        return cast(Mode, mode)
    wished = os.environ.get("WANDB_MODE")
    if wished in get_args(Mode):
        return cast(Mode, wished)
    return "online" if _has_api_key() else "offline"


def mirror(folder: RunFolder, mode: Mode, follow: bool) -> None:
    """Send configuration, metrics and result to a new W&B run, its files under the folder."""
    os.environ.update(QUIET)
    import wandb  # noqa: PLC0415  (slow, and may be missing)

    experiment = Experiment.from_config(folder.config())
    run = wandb.init(
        project=experiment.wandb.project,
        dir=folder.path,
        mode=mode,
        name=folder.path.name,
        group=experiment.suite.name,
        tags=_tags(experiment),
        config={**experiment.config(), "folder": experiment.folder.path.name},
    )
    print(f"{BEGUN} {folder.path.name}", flush=True)
    run.define_metric("*", step_metric="iteration")
    for line in _lines(folder, follow):
        run.log(line)
    result = folder.result() or {"status": "unfinished"}
    run.summary.update(dict(_flat(result)))
    run.finish(exit_code=0 if result["status"] == "finished" else 1)
    wandb.teardown()  # finish() returns before an offline run is on disk


def _tags(experiment: Experiment) -> list[str]:
    """As on the command line: a name alone would not say of what, as in protocol=disttgl."""
    tags = [f"{group}={experiment.name_of(group)}" for group in TAGGED]
    tags.append(f"parallelism={experiment.parallelism}")
    return [tag[:LONGEST_TAG] for tag in tags]


def _lines(folder: RunFolder, follow: bool) -> Iterator[dict[str, Any]]:
    """The lines of metrics.jsonl; with ``follow``, as they come, until there is a result."""
    offset, last_iteration = 0, -1
    path = folder.path / "metrics.jsonl"
    while True:
        ended = not follow or folder.result() is not None
        text = path.read_bytes() if path.exists() else b""
        if len(text) < offset:  # a resumed run has dropped what it will write again
            offset = 0
        whole = text.rfind(b"\n") + 1
        for line in text[offset:whole].splitlines():
            values = json.loads(line)
            if values["iteration"] >= last_iteration:
                last_iteration = values["iteration"]
                yield values
        offset = max(offset, whole)
        if ended:
            return
        time.sleep(LOOK_SECONDS)


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}/")
        elif not (isinstance(value, float) and math.isnan(value)):
            yield f"{prefix}{key}", value


def _has_api_key() -> bool:
    """Whether there is a key; W&B itself would ask a person or wait for the network to say so."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        keys = netrc.netrc(os.environ.get("NETRC"))
    except (OSError, netrc.NetrcParseError):
        return False
    return keys.authenticators(host) is not None


def send(folder: Path, mode: Mode, follow: bool = False) -> None:
    """Send what ``folder`` holds, a run or the figures of a suite; ValueError if neither."""
    if (folder / "config.yaml").exists():
        mirror(RunFolder(folder), mode, follow)
    elif is_figures(folder):
        mirror_figures(folder, mode)
    else:
        raise ValueError(f"{folder} holds neither a run nor the figures of a suite")
