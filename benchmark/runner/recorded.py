"""A recorded experiment asked again: with other words, and with the classes of today."""

from dataclasses import replace
from typing import Any

import yaml

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.records.identity import class_name
from benchmark.runner.compose import CONF, compose_settings
from benchmark.runner.settings import check
from benchmark.runner.words import GROUPS, given_values, spelled_out

HERE = (
    "device",
    "threads",
    "datasets_root",
    "cache_dir",
    "evaluation_mebibytes",
)  # may be asked for again


def with_words(recorded: Experiment, words: list[str]) -> Experiment:
    """The experiment with another protocol, and what belongs to this machine."""
    given = given_values(words)
    places = [f"dataset.{option}" for option in recorded.locating]
    for key in given:
        if key not in (*HERE, *places, "protocol") and not key.startswith("protocol."):
            raise UserError(
                f"{key} is part of what was trained; an evaluation takes protocol=NAME, "
                f"protocol.KEY=VALUE, {', '.join([*HERE, *places])}."
            )
    here = [word for word in spelled_out(words) if word.partition("=")[0] in HERE]
    chosen = [word for word in spelled_out(words) if word.partition(".")[0].startswith("protocol")]
    named = "protocol" in given
    composed = compose_settings([*here, *(chosen if named else [])])
    check(composed)
    options = {key.partition(".")[2]: value for key, value in given.items() if "." in key}
    dataset = {key: options[key] for key in recorded.locating if f"dataset.{key}" in given}
    protocol = dict(composed["protocol"] if named else recorded.protocol)
    for key, value in given.items():
        if key.startswith("protocol."):
            option = key.partition(".")[2]
            if option not in protocol:
                known = [name for name in protocol if not name.startswith("_")]
                raise UserError(f"There is no key {key!r}; choose from {', '.join(known)}.")
            protocol[option] = value
    return replace(
        recorded,
        dataset={**recorded.dataset, **dataset},
        protocol=protocol,
        choices={**recorded.choices, **({"protocol": given["protocol"]} if named else {})},
        **{key: composed[key] for key in HERE if key in given},
    )


def with_present_classes(recorded: Experiment) -> Experiment:
    """The experiment with the suite's classes where they are now; a record says where they were."""
    found: dict[str, Any] = {}
    for group in GROUPS[1:]:
        options, chosen = getattr(recorded, group), recorded.choices[group]
        files = sorted((CONF / group).glob("*.yaml"), key=lambda path: path.stem == chosen)
        targets = [yaml.safe_load(path.read_text()).get("_target_", "") for path in files]
        present = {class_name(target): target for target in targets}
        if target := present.get(class_name(str(options.get("_target_", "")))):
            found[group] = {**options, "_target_": target}
    return replace(recorded, **found)
