"""Composition, precedence, and the sentence that a mistake gets."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.records.identity import GROUPS as OPTIONS
from benchmark.runner.checks import check_experiment
from benchmark.runner.compose import (
    CONF,
    GROUPS,
    choices,
    compose_settings,
)
from benchmark.runner.help import help_page
from benchmark.runner.python import experiment, run
from benchmark.runner.recorded import with_present_classes
from benchmark.runner.settings import Settings, check
from benchmark.runner.words import complete, given_values, to_word
from benchmark.tasks.choices import check_ranges
from tests.experiments import experiment_of


def test_command_line_wins_over_suite_and_suite_over_default() -> None:
    default = OmegaConf.load(CONF / "config.yaml").epochs
    of_suite = OmegaConf.load(CONF / "suite" / "quick.yaml").epochs
    assert default != of_suite
    assert compose_settings(["suite=captured_events"])["epochs"] == default
    assert compose_settings(["suite=quick"])["epochs"] == of_suite
    assert compose_settings(["suite=quick", "epochs=99"])["epochs"] == 99
    assert compose_settings([])["choices"]["dataset"] == "synthetic"
    assert compose_settings(["dataset=uci"])["choices"]["dataset"] == "uci"


def test_suite_chooses_from_groups() -> None:
    settings = compose_settings(["suite=captured_events"])
    assert settings["choices"]["task"] == "captured_events"
    assert settings["choices"]["system"] == "none"
    assert settings["choices"]["dataset"] == "wikipedia"


def test_system_brings_its_model_unless_one_is_named() -> None:
    assert compose_settings(["system=tgn"])["choices"]["model"] == "tgn_pyg"
    assert compose_settings(["system=tgn", "model=none"])["choices"]["model"] == "none"


def test_every_choice_composes() -> None:
    """One of every group at a time; every suite, which chooses from them, is expanded elsewhere."""
    found = {group: choices(group) for group in OPTIONS}
    for number in range(max(map(len, found.values()))):
        chosen = {group: names[number % len(names)] for group, names in found.items()}
        settings = compose_settings([f"{group}={name}" for group, name in chosen.items()])
        assert settings["choices"] == {"suite": "quick", **chosen}
        for group in OPTIONS:
            check_ranges(group, settings[group])


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("epohs=3", ["'epohs'", "did you mean epochs?"]),
        ("passes=3", ["'passes'", "did you mean epochs?"]),
        ("sytem=tgn", ["'sytem'", "did you mean system?"]),
        ("num_events=3", ["'num_events'", "did you mean dataset.num_events?"]),
        ("launcher=joblib", ["'launcher'", "did you mean machines.launcher?"]),
        ("sed=3", ["'sed'", "did you mean seed?"]),
        ("+epohs=3", ["'epohs'", "did you mean epochs?"]),
        ("paralelism.i=2", ["did you mean parallelism.i?"]),
        ("parallelism.l=2", ["'parallelism.l'", "parallelism.i", "parallelism.k"]),
        ("dataset=wikipeda", ["'wikipeda'", "did you mean wikipedia?", "reddit"]),
        ("suite=none", ["no suite named 'none'", ", ".join(choices("suite"))]),
        ("protocol=distgl", ["did you mean disttgl?", "tgb"]),
        ("system=3", ["no system named 3", "disttgl"]),
        ("model.colour=3", ["'model.colour'"]),
        ("batch_size=0", ["batch_size must be at least 1, not 0"]),
        ("epochs=-1", ["epochs must be at least 1, not -1"]),
        ("epochs=1.5", ["epochs=1.5", "a whole number"]),
        ("epochs=many", ["epochs=many", "a whole number"]),
        ("epochs=null", ["epochs=null"]),
        ("seeds=0", ["seeds must be at least 1, not 0"]),
        ("threads=0", ["threads must be at least 1, not 0"]),
        ("evaluation_mebibytes=0", ["evaluation_mebibytes must be at least 1, not 0"]),
        ("learning_rate=0", ["learning_rate must be above 0"]),
        ("time_limit_minutes=-1", ["time_limit_minutes must be above 0"]),
        ("device=gpu", ["device must be one of auto, cpu, cuda, not 'gpu'"]),
        ("suite.figures=[nonsense]", ["suite.figures must be one of time_to_accuracy, batch_"]),
        ("wandb.mode=no", ["wandb.mode must be one of auto, online, offline, disabled"]),
        ("parallelism.j=0", ["parallelism.j must be at least 1, not 0"]),
        ("epochs=1,2", ["'epochs=1,2' names several values, and one is wanted here"]),
        ("epochs", ["'epochs' is not understood", "--help"]),
        ("=3", ["'=3' is not understood"]),
        ("dataset=table", ["dataset.path has no default; add dataset.path=VALUE"]),
        ("dataset=tgl", ["dataset.name has no default; add dataset.name=VALUE"]),
        ("results_dir=[", ["'results_dir=[' is not understood"]),
        ("results_dir=", ["has no value; write results_dir=VALUE"]),
        ("suite.name=../x", ["suite.name names folders of records", "not '../x'"]),
        ("suite.name=figures", ["suite.name is figures"]),
        ("task.name=a/b", ["task.name names folders of records", "not 'a/b'"]),
        ("machines.here=-1", ["machines.here must be at least 0, not -1"]),
        ("+model._convert_=x", ["+model._convert_ is Hydra's own"]),
    ],
)
def test_mistakes_are_refused_in_one_sentence(word: str, parts: list[str]) -> None:
    with pytest.raises(UserError) as refusal:
        check(compose_settings([word]))
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    for part in parts:
        assert part in sentence


def test_processes_that_do_not_divide_are_refused_with_all_numbers() -> None:
    words = ["parallelism.i=2", "parallelism.k=3", "processes=4"]
    with pytest.raises(UserError) as refusal:
        check_experiment(experiment_of(*words))
    assert "processes=4 does not divide the 2 x 1 x 3 = 6 trainers" in str(refusal.value)
    assert "1, 2, 3, 6" in str(refusal.value)


@pytest.mark.parametrize(
    "value",
    [3, -1, 1e-4, True, None, "disttgl", "../data folder", "it's", "a,b", [1, 2], ["a", "b"]],
)
def test_a_value_survives_the_command_line(value: object) -> None:
    assert given_values([to_word("results_dir", value)]) == {"results_dir": value}


def test_help_names_every_key_group_and_choice() -> None:
    page = help_page()
    groups = set(GROUPS)
    for key in Settings.__dataclass_fields__.keys() - groups:
        assert f"  {key}" in page
    for group in groups:
        for name in choices(group):
            assert name in page
    keys = page.partition("Keys\n")[2].partition("Examples")[0]
    for line in keys.strip().splitlines():
        assert line.rstrip()[38:], f"no comment above the key of {line!r}"


def test_a_class_of_ones_own_needs_no_file() -> None:
    words = complete(["system=disttgl", "model._target_=my_module.MyVariant"])
    settings = compose_settings(words)
    assert settings["model"] == {"_target_": "my_module.MyVariant", "_partial_": True}
    assert Experiment.from_config(settings).name_of("model") == "MyVariant"
    assert complete(words) == words
    other = ["model=jodie", "model._target_=my_module.MyVariant"]
    assert complete(other) == other


def test_a_record_finds_classes_that_have_moved() -> None:
    made = experiment_of("task=node_classification", "system=tgn", "model=tgn_pyg")
    names = {"task": "benchmark.tasks.NodeClassification", "model": "baselines.tgn_model.TGN"}
    moved = {group: {**getattr(made, group), "_target_": name} for group, name in names.items()}
    before = replace(made, **moved)
    assert before.fingerprint == made.fingerprint
    assert with_present_classes(before) == made
    own = replace(made, model={"_target_": "mine.TGN"})
    assert with_present_classes(own) == own


def test_an_experiment_is_one_run() -> None:
    with pytest.raises(UserError, match="seeds counts runs, and an experiment is one of them"):
        experiment("dataset.num_events=600", system="disttgl", seeds=3)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0."),
        ({"processes": 2}, "processes=2 does not divide the 1 x 1 x 1 = 1 trainers; choose one"),
        ({"device": "gpu"}, "device must be one of auto, cpu, cuda, not 'gpu'."),
    ],
)
def test_what_replace_made_of_an_experiment_is_checked_before_it_starts(
    changed: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    made = experiment_of("system=disttgl", "device=cpu", f"results_dir={tmp_path}")
    with pytest.raises(UserError, match=reason):
        run(replace(made, **changed))
    assert not list(tmp_path.rglob("result.json"))
