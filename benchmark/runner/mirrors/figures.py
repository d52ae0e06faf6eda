"""The figures of a suite on Weights & Biases: a run of their own in the group of its runs."""

import os
import re
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.runner.mirrors.quiet import QUIET

SENT = (".png", ".pdf", ".csv", ".html", ".md", ".tex")
JOB_TYPE = "figures"


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
