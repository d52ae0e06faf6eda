"""Sends recorded runs, and the figures of a suite, to Weights & Biases."""

import json
import math
import netrc
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast, get_args
from urllib.parse import urlparse

import pandas as pd

from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder

LOOK_SECONDS = 2.0
BEGUN = "W&B has begun"  # said once it has answered
TAGGED = ("system", "dataset", "protocol", "task")
LONGEST_TAG = 64  # more is an error of W&B
SENT = (".png", ".pdf", ".csv", ".html", ".md", ".tex")  # of the figures of a suite
JOB_TYPE = "figures"
Mode = Literal["online", "offline", "disabled"]
# W&B shows the record, gathers nothing itself, and asks nobody anything.
QUIET = {
    "WANDB_SILENT": "true",
    "WANDB_CONSOLE": "off",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
    "WANDB_ERROR_REPORTING": "false",
}


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
    if damage := folder.problem():
        raise ValueError(damage)
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
    try:
        keys = netrc.netrc(os.environ.get("NETRC"))
    except (OSError, netrc.NetrcParseError):
        return False
    import wandb  # noqa: PLC0415  (slow, and may be missing)

    given = os.environ.get("WANDB_BASE_URL")
    servers = [given] if given else [wandb.Settings().base_url, "https://api.wandb.ai"]
    return any(keys.authenticators(urlparse(one).hostname or "") for one in servers)


def send(folder: Path, mode: Mode, follow: bool = False) -> None:
    """Send what ``folder`` holds, a run or the figures of a suite; ValueError if neither."""
    if (folder / "config.yaml").exists():
        mirror(RunFolder(folder), mode, follow)
    elif is_figures(folder):
        mirror_figures(folder, mode)
    else:
        raise ValueError(f"{folder} holds neither a run nor the figures of a suite")


def is_figures(folder: Path) -> bool:
    """Whether ``folder`` holds what ``python -m paper_figures`` writes."""
    return bool(_files(folder))


def mirror_figures(folder: Path, mode: Any) -> None:
    """Send pictures and tables to look at, and all files as one artifact of type ``figures``.

    ``folder`` lies beside the run folders of its suite, ``results/runs/SUITE/figures``. All that
    W&B writes goes below it. Raises ValueError if no run folder is beside it.
    """
    places = {name: str(folder / "wandb") for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR")}
    os.environ.update(QUIET | places)
    import wandb  # noqa: PLC0415  (slow, and may be missing)

    experiment = Experiment.from_config(_beside(folder).config())
    suite = experiment.suite.name
    run = wandb.init(
        project=experiment.wandb.project,
        dir=folder,
        mode=mode,
        name=f"{suite}-figures",
        group=suite,
        job_type=JOB_TYPE,
        config={"suite": suite, "question": experiment.suite.question},
    )
    files = _files(folder)
    pictures = {f"figures/{p.stem}": wandb.Image(str(p)) for p in files if p.suffix == ".png"}
    tables = {f"tables/{p.stem}": _table(wandb, p) for p in files if p.suffix == ".csv"}
    run.log(pictures | tables)
    artifact = wandb.Artifact(re.sub(r"[^\w.-]", "-", f"{suite}-figures"), type=JOB_TYPE)
    for path in files:
        artifact.add_file(str(path))
    run.log_artifact(artifact)
    run.finish()
    wandb.teardown()  # finish() returns before an offline run is on disk


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in SENT)


def _beside(folder: Path) -> RunFolder:
    for path in sorted(folder.resolve().parent.glob("*/config.yaml")):
        return RunFolder(path.parent)
    raise ValueError(f"no run folder lies beside {folder} that says which project it is of")


def _table(wandb: Any, path: Path) -> Any:
    """W&B shows its first 10,000 rows; the artifact has all."""
    table = pd.read_csv(path).head(wandb.Table.MAX_ROWS).astype(object)
    rows = table.where(table.notna(), None).to_numpy().tolist()
    return wandb.Table(columns=list(table.columns), data=rows, allow_mixed_types=True)
