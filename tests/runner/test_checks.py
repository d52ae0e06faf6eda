"""What cannot work together is refused before anything starts, in one sentence."""

import shlex

import pytest

from benchmark.errors import UserError
from benchmark.runner.compose import compose_settings
from benchmark.runner.suites import expand
from benchmark.runner.words import given_values

REFUSED = {
    "system=tgn model=jodie": "system=tgn trains a TGN, and model=jodie is a JODIE; "
    "leave model out or choose another.",
    "system=tgl parallelism.j=2": "system tgl knows mini-batch parallelism only and needs "
    "parallelism.j=1 and parallelism.k=1, not 1x2x1; choose system=disttgl for the other two.",
    "dataset=uci task=node_classification": "task node_classification needs labels of kind node, "
    "and those of data set 'uci' are of kind none; choose another dataset.",
    "task=edge_classification dataset=wikipedia": "task edge_classification needs labels of kind "
    "edge or multi_edge, and those of data set 'wikipedia' are of kind node; choose another "
    "dataset.",
    "system=disttgl model.memory_dim=abc": "model.memory_dim must be a whole number, not 'abc'.",
    "system=edgebank task=edge_classification dataset=icews18": "system=edgebank cannot be used "
    "for task edge_classification; choose system=disttgl or system=tgl.",
    "protocol.negative_sampling=tgb": "TGB publishes no negatives for data set 'synthetic'; "
    "set protocol.negative_sampling=random or choose a data set of TGB.",
    "system=disttgl system.sampler=lenient": "system.sampler is 'lenient'; "
    "choose one of strict, paper.",
    "system=disttgl processes=2": "processes=2 does not divide the 1 x 1 x 1 = 1 trainers; "
    "choose one of 1.",
    "system=tgn evaluate_every=50": "evaluate_every is 50 and system=tgn trains and evaluates with "
    "one node memory, so that it cannot be validated within a round; leave it null, or choose "
    "system=disttgl or system=tgl.",
    "dataset=synthetic task=captured_events system=none model=none evaluate_every=50": (
        "evaluate_every is 50 and task captured_events trains nothing; leave it null."
    ),
    "evaluate_every=0 system=disttgl": "evaluate_every must be at least 1, not 0.",
    "dataset=stable_preferences dataset.num_events=2000 task=node_classification "
    "task.decoder.epochs=x": "task.decoder.epochs must be a whole number, not 'x'.",
    "task.test=maybe": "task.test must be true or false, not 'maybe'.",
    "task.test=3": "task.test must be true or false, not 3.",
    "task.log_interval=0": "task.log_interval must be at least 1 and at most 1e+09, not 0.",
    "task.log_interval=-1": "task.log_interval must be at least 1 and at most 1e+09, not -1.",
    "protocol.num_negatives=0": "protocol.num_negatives must be at least 1 and at most 1e+09, "
    "not 0.",
    "system=disttgl model.embedding_dim=0": "model.embedding_dim must be at least 1 and at most "
    "100,000, not 0.",
    "system=disttgl model.dropout=1": "model.dropout must be at least 0 and below 1, not 1.",
    "system=disttgl model.dropout=nan": "model.dropout must be at least 0 and below 1, not nan.",
    "system=disttgl system.num_training_negatives=0": "system.num_training_negatives must be at "
    "least 1 and at most 1e+09, not 0.",
    "system=edgebank system.window=0": "system.window must be above 0 and at most 1, not 0.",
    "pin_cores=2": "pin_cores must be true or false, not 2.",
    "epochs=100000000000000000000": "epochs must be at most 1000000, not 100000000000000000000.",
    "threads=100000": "threads must be at most 1024, not 100000.",
    "learning_rate=inf": "learning_rate must be at most 1000, not inf.",
    "learning_rate=nan": "learning_rate must be above 0, not nan.",
    "heartbeat_seconds=1e12": "heartbeat_seconds must be at most 1000000, not 1000000000000.0.",
    "parallelism.k=100000000000": "parallelism.k must be at most 4096, not 100000000000.",
    "parallelism=100x100x100": "100x100x100 are 1000000 trainers; at most 4096 can be had.",
    "system=disttgl parallelism=2x1x4 max_events=1000 batch_size=200": "2x1x4 are 8 trainers, and "
    "1000 events in batches of 200 are 5 batches; take fewer trainers or a smaller batch_size.",
    "suite.name=../../elsewhere": "suite.name names folders of records: write at most 100 letters, "
    "digits, '_', '-', '.' and '+', not '../../elsewhere'.",
    "dataset.name=/etc": "dataset.name names folders of records: write at most 100 letters, "
    "digits, '_', '-', '.' and '+', not '/etc'.",
}


@pytest.mark.parametrize("words", REFUSED)
def test_choices_that_cannot_work_together(words: str) -> None:
    system = [] if "system=" in words else ["system=disttgl"]
    with pytest.raises(UserError) as refused:
        expand([*words.split(), *system, "device=cpu"], may_download=False)
    assert str(refused.value) == REFUSED[words]


def test_what_is_wrong_with_every_experiment_of_a_suite_is_said_once() -> None:
    for words in ("task.test=maybe", "dataset=uci task=node_classification"):
        with pytest.raises(UserError) as refused:
            expand([*words.split(), "device=cpu"], may_download=False)
        assert str(refused.value) == REFUSED[words]


def test_a_sweep_says_which_of_its_experiments_cannot_be_run() -> None:
    suite = expand(["model=jodie", "device=cpu"], may_download=False)
    told = {one.choices["system"]: suite.problems.get(one.fingerprint) for one in suite.experiments}
    assert told == {"tgn": REFUSED["system=tgn model=jodie"], "disttgl": None}


@pytest.mark.parametrize(
    "value", ["/a b (1).csv", "/a=b.csv", "/a,b.csv", "it's.csv", 'say "hi" \\', "{a}", "[b].csv"]
)
def test_a_value_that_is_not_understood_is_shown_as_it_works(value: str) -> None:
    with pytest.raises(UserError) as refused:
        given_values([f"dataset.path={value}"])
    (word,) = shlex.split(str(refused.value).rpartition("write ")[2][:-1])
    assert given_values([word]) == {"dataset.path": value}


def test_a_mistyped_key_beside_one_without_default_is_one_sentence() -> None:
    with pytest.raises(
        UserError, match=r"There is no key 'dataset.pth'; did you mean dataset.path"
    ):
        compose_settings(["dataset=table", "dataset.pth=a"])


def test_nothing_of_one_set_of_a_family_is_taken_for_another() -> None:
    own = compose_settings(["dataset=icews18"])["dataset"]
    assert (own["num_nodes"], own["url"][:8]) == (23_033, "https://")
    words = ["dataset=icews18", "dataset.name=ICEWS05_15"]
    other = compose_settings(words)["dataset"]
    assert {other[k] for k in ("url", "num_nodes", "num_events", "num_relations")} == {None}
    assert compose_settings([*words, "dataset.num_nodes=5"])["dataset"]["num_nodes"] == 5
