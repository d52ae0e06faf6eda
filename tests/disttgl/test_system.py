"""The DistTGL system as the training loop uses it."""

import copy

import pytest
import torch

from benchmark.datasets.dataset import Dataset
from benchmark.disttgl.system import DistTGLSystem
from benchmark.graph.past import Visibility
from benchmark.models.node_state import NO_EVENT
from benchmark.protocol.evaluator import evaluate_links
from benchmark.training.processes import Processes
from tests.disttgl.small import BATCH_SIZE, PROTOCOL, small_dataset, small_system
from tests.disttgl.trajectory import Layout, stop_and_go_on

TRAIN_EVENTS = 135


def round_losses(system: DistTGLSystem) -> list[float]:
    return [step.loss.item() for step in system.train_round()]


def validate(system: DistTGLSystem) -> dict[str, float]:
    return evaluate_links(system, small_dataset(), "validation", PROTOCOL, BATCH_SIZE)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("parallelism", ["1x1x1", "1x2x2", "2x1x1", "1x1x3", "1x3x1"])
def test_a_resumed_system_trains_on_bit_for_bit(parallelism: str, precision: str) -> None:
    """Also with copies in the middle of a pass and inputs that were read and not yet used."""
    whole, resumed = stop_and_go_on(Processes(), Layout(parallelism, 1, precision=precision))
    assert torch.equal(whole, resumed)


def test_between_rounds_there_are_inputs_read_ahead() -> None:
    system = small_system("1x2x2")
    round_losses(system)
    assert system.state_dict()["trainers"]["inputs"]


@pytest.mark.parametrize("parallelism", ["1x1x1", "2x1x1", "1x3x1", "1x2x2", "1x1x3"])
def test_evaluation_leaves_training_alone(parallelism: str) -> None:
    """Also where it changes the memory of the copy that starts over."""
    one, other = small_system(parallelism), small_system(parallelism)
    for _ in range(2):
        assert round_losses(one) == round_losses(other)
        validate(one)
    assert round_losses(one) == round_losses(other)


@pytest.mark.parametrize("parallelism", ["1x1x1", "1x3x1", "1x2x2"])
def test_a_state_that_was_saved_after_evaluation_trains_on_as_before_it(parallelism: str) -> None:
    """The memory that evaluation has changed is saved too, and plays no part."""
    straight, stopped, resumed = (small_system(parallelism) for _ in range(3))
    assert round_losses(straight) == round_losses(stopped)
    validate(stopped)
    resumed.load_state_dict(copy.deepcopy(stopped.state_dict()))
    assert round_losses(resumed) == round_losses(straight)
    assert validate(resumed) == validate(straight)


def test_evaluation_does_not_follow_what_the_next_round_writes() -> None:
    """Nor can it write there: it has let go of the memory that training starts over."""
    system = small_system()
    round_losses(system)
    evaluated = system.evaluation.state
    assert evaluated.memory.data_ptr() == system.memory.local_state()[0].memory.data_ptr()
    steps = system.train_round()
    next(steps), next(steps)
    assert (system.memory.local_state()[0].mail_event != NO_EVENT).any()
    assert (system.evaluation.state.mail_event == NO_EVENT).all()


def last_events(dataset: Dataset, stop: int) -> list[int]:
    """The last event before ``stop`` of every node."""
    last = [NO_EVENT] * dataset.num_nodes
    for event in range(stop):
        for ends in (dataset.stream.src, dataset.stream.dst):
            last[int(ends[event])] = event
    return last


def test_evaluation_goes_on_from_the_memory_of_all_training_events() -> None:
    dataset = small_dataset()
    system = small_system("1x2x2", dataset=dataset)
    round_losses(system)
    state = system.evaluation.state
    assert state.mail_event.tolist() == last_events(dataset, TRAIN_EVENTS)
    validate(system)
    assert system.evaluation.state.mail_event.tolist() == last_events(dataset, 175)


def test_only_the_last_events_are_trained_on_and_all_are_sampled() -> None:
    system = small_system(last_training_events=25)
    assert sum(step.num_events for step in system.train_round()) == 25
    dataset, state = small_dataset(), system.evaluation.state
    first = TRAIN_EVENTS - 25
    trained = dataset.batch(first, TRAIN_EVENTS)
    ends = torch.cat([trained.src, trained.dst])
    assert (state.mail_event != NO_EVENT).nonzero().flatten().tolist() == ends.unique().tolist()
    assert int(state.mail_event[state.mail_event != NO_EVENT].min()) >= first
    event = dataset.batch(first, first + 1)
    assert system.sampler.sample(event.src, event.t, first).events.max() < first


@pytest.mark.parametrize("number", [0, TRAIN_EVENTS + 1])
def test_more_events_than_there_are_cannot_be_trained_on(number: int) -> None:
    with pytest.raises(ValueError, match=rf"last_training_events is {number}: .* 1 to the 135"):
        small_system(last_training_events=number)


def test_seconds_of_the_index_are_told() -> None:
    assert set(small_system().prepare(lambda *report: None)) == {"index"}


def test_dropout_is_off_in_evaluation_and_on_again_in_training() -> None:
    system = small_system()
    round_losses(system)
    first = small_dataset().batch(TRAIN_EVENTS, TRAIN_EVENTS + 5)
    candidates = torch.arange(30).expand(5, -1)
    scores = system.score(first, candidates)
    assert torch.equal(system.score(first, candidates), scores)
    assert not system.model.training
    round_losses(system)
    assert system.model.training


def test_rounds_passes_and_iterations() -> None:
    system = small_system("2x2x2", epochs=10)
    assert system.epochs_per_round == 4
    assert system.num_rounds == 3  # 12 epochs, the least multiple of 4 from 10 on
    assert system.iterations_per_round == 7 + 1  # 135 events in batches of 20
    steps = [step.num_events for step in system.train_round()]
    assert len(steps) == 8
    alone = small_system(epochs=10)
    assert alone.num_rounds == 10
    assert sum(step.num_events for step in alone.train_round()) == TRAIN_EVENTS


@pytest.mark.parametrize(("scale", "expected"), [("linear", 8e-3), ("none", 1e-3)])
def test_the_learning_rate_grows_with_the_number_of_trainers(scale: str, expected: float) -> None:
    system = small_system("2x2x2", learning_rate_scale=scale)
    assert [group["lr"] for group in system.optimizer.param_groups] == [pytest.approx(expected)]
    assert system.optimizer.defaults["betas"] == (0.9, 0.999)
    assert system.optimizer.defaults["weight_decay"] == 0


def test_initial_weights_depend_on_the_seed_alone() -> None:
    def weights(system: DistTGLSystem) -> torch.Tensor:
        return torch.cat([parameter.flatten() for parameter in system.model.parameters()])

    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    expected = weights(small_system("1x1x1"))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(weights(small_system("2x2x2")), expected)
    assert not torch.equal(weights(small_system(seed=1)), expected)


def test_precision_is_that_of_weights_features_and_memory() -> None:
    for precision, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        system = small_system(precision=precision)
        assert {parameter.dtype for parameter in system.model.parameters()} == {dtype}
        assert system.model.edge_features.dtype == dtype
        assert system.evaluation.state.memory.dtype == dtype


def test_visibility_is_that_of_the_protocol() -> None:
    assert small_system().visibility is Visibility.EVENT
    assert small_system().sampler.visibility is Visibility.EVENT


def test_training_learns_a_rule() -> None:
    """Four nodes are the destinations of everything, and candidates are drawn from thirty."""
    dataset = small_dataset()
    dataset.stream.dst %= 4
    system = small_system(dataset=dataset, learning_rate=1e-2)
    losses = [sum(round_losses(system)) / system.iterations_per_round for _ in range(5)]
    assert losses[0] > 0.5
    assert losses[-1] < 0.35
    assert evaluate_links(system, dataset, "validation", PROTOCOL, BATCH_SIZE)["mrr"] > 0.6
