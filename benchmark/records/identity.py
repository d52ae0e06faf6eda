"""What identifies an experiment: what it computes, not where it runs and who watches it.

Works on the settings of ``config.yaml`` as plain dictionaries, for runner and figures alike.
"""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

# Settings, by dotted name, that change nothing of what is computed; the dataset's own are those
# that the record names under ``locating``.
NOT_IDENTITY = (
    "suite",
    "choices.suite",
    "seeds",
    "command",
    "results_dir",
    "datasets_root",
    "cache_dir",
    "time_limit_minutes",
    "heartbeat_seconds",
    "evaluation_mebibytes",
    "wandb",
    "locating",
    *(f"machines.{key}" for key in ("here", "meet_at", "address", "launcher", "restarts")),
)
# Settings that are younger than records that are kept: at these values they name nothing.
YOUNGER = {
    "evaluate_every": (None,),
    "machines.link": (None,),
    "machines": (None, {"number": 1}),
}
GROUPS = ("dataset", "task", "protocol", "system", "model")
OWN_PACKAGES = ("benchmark", "baselines", "datasets")  # also as records of earlier versions say
HASH_LENGTH = 8


def identifying(config: Mapping[str, Any], *left_out: str) -> dict[str, Any]:
    """The settings that identify an experiment, without the keys ``left_out`` (dotted).

    A class of the suite is named without its module, so that moving one renames no run.
    """
    kept = deepcopy(dict(config))
    locating = (f"dataset.{option}" for option in config.get("locating", ()))
    for key in (*NOT_IDENTITY, *locating, *left_out):
        _remove(kept, key)
    for key, unset in YOUNGER.items():
        parent, _, name = key.rpartition(".")
        holder = kept.get(parent) if parent else kept
        if isinstance(holder, dict) and holder.get(name) in unset:
            _remove(kept, key)
    for group in GROUPS:
        options = kept.get(group, {})
        if "_target_" in options:
            options["_target_"] = class_name(str(options["_target_"]))
    return kept


def settings_text(config: Mapping[str, Any], *left_out: str) -> str:
    """``identifying`` as one text, equal for equal settings."""
    return json.dumps(identifying(config, *left_out), sort_keys=True)


def fingerprint(config: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits that name what the experiment computes."""
    return hashlib.sha256(settings_text(config).encode()).hexdigest()[:HASH_LENGTH]


def is_own(target: str) -> bool:
    """Whether a dotted name is one of the suite's."""
    return target.partition(".")[0] in OWN_PACKAGES


def class_name(target: str) -> str:
    """The name that identifies a class: its own where the suite's, dotted where a user's."""
    return target.rpartition(".")[2] if is_own(target) else target


def _remove(config: dict[str, Any], key: str) -> None:
    parent, _, name = key.rpartition(".")
    node = config.get(parent) if parent else config
    if isinstance(node, dict):
        node.pop(name, None)
