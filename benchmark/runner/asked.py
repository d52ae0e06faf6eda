"""How a finished run may be asked otherwise than it was: under a protocol, on this machine."""

from dataclasses import replace

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.runner.checks import checksums_of_classes
from benchmark.runner.compose import compose_settings
from benchmark.runner.settings import check
from benchmark.runner.words import given_values, spelled_out

HERE = ("device", "threads", "datasets_root", "cache_dir", "evaluation_mebibytes")


def check_classes(recorded: Experiment) -> None:
    """Raise ValueError where the file of a class of one's own is not what was trained."""
    now = checksums_of_classes(recorded)
    for group, checksums in recorded.content.items():
        if group != "data" and now.get(group) != checksums:
            raise ValueError(
                f"{', '.join(checksums)} of {group} is no longer what it was when this run was "
                "recorded: bring that version back, or run the experiment again."
            )


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
