"""The paper's planning rule, what it measures, and what the command asks for."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark import plan as command
from benchmark.datasets.dataset import Dataset, Source, Split, Stream
from benchmark.tasks.counts import captured_events
from benchmark.tools import planner
from benchmark.tools.planner import copy_bytes, largest_batch, plan

PAPER = [
    "machines=4", "devices=8", "largest_batch=3200", "saturating_batch=1600",
    "copies_per_machine=2",
]  # fmt: skip
sizes = st.integers(1, 40)


def dataset_of(src: list[int], dst: list[int], train_end: int | None = None) -> Dataset:
    n = len(src)
    stream = Stream(
        src=torch.tensor(src), dst=torch.tensor(dst), t=torch.arange(n), msg=torch.zeros(n, 0)
    )
    return Dataset(
        name="tiny",
        stream=stream,
        num_nodes=10,
        bipartite=True,
        split=Split(n if train_end is None else train_end, n, n),
        source=Source("made up", {}),
    )


def refusal(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says when it does not plan."""
    assert command.main(words) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


class TestRule:
    """k is at least the machines, i comes from the batches, k from memory, j is what is left."""

    def test_example_of_the_paper(self) -> None:
        found = plan(4, 8, largest_batch=3200, saturating_batch=1600, copies_per_machine=2)
        assert str(found.parallelism) == "2x2x8"
        assert found.batch_size == 1600
        starts = [reason.split(":")[0] for reason in found.reasons]
        assert starts == ["k >= 4", "i = 2", "k = 8", "j = 2"]

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ((4, 8, 600, 600, 1000), "1x1x32"),  # the four small data sets of Figure 12
            ((1, 8, 600, 600, 1), "1x8x1"),
            ((4, 8, 25_600, 3200, 1), "8x1x4"),  # GDELT in Figure 11
            ((1, 8, 800, 1600, 3), "1x4x2"),
            ((2, 6, 8000, 1600, 9), "3x1x4"),
            ((1, 1, 10**6, 1, 100), "1x1x1"),
        ],
    )
    def test_other_machines(self, arguments: tuple[int, ...], expected: str) -> None:
        assert str(plan(*arguments).parallelism) == expected

    @given(sizes, sizes, sizes, sizes, sizes)
    def test_every_plan_can_be_run(
        self, machines: int, devices: int, largest: int, saturating: int, copies: int
    ) -> None:
        found = plan(machines, devices, largest, saturating, copies)
        parallelism = found.parallelism
        assert parallelism.num_trainers == machines * devices
        assert parallelism.k % machines == 0
        assert parallelism.k // machines <= copies
        assert parallelism.i * found.batch_size <= largest
        for group in range(parallelism.k):
            assert len(parallelism.processes_of(group, machines)) == 1

    def test_a_number_that_does_not_divide_is_explained(self) -> None:
        reasons = plan(2, 6, 8000, 1600, 9).reasons
        assert "5 does not divide the 6 devices of a machine, 3 is the nearest below" in reasons[1]
        assert "must fit on a machine's 2." in plan(2, 2, 8000, 1600, 9).reasons[1]
        assert "does not divide" not in "".join(plan(4, 8, 3200, 1600, 2).reasons)

    def test_a_batch_that_does_not_fill_a_device_is_explained(self) -> None:
        found = plan(1, 8, 800, 1600, 3)
        assert found.batch_size == 800
        assert "800 events, is smaller than the 1600 events" in found.reasons[1]

    def test_nothing_below_one_is_accepted(self) -> None:
        with pytest.raises(ValueError, match="copies_per_machine is 0"):
            plan(1, 1, 1, 1, 0)


class TestMeasurements:
    """Numbers that a data set and a machine decide."""

    def test_largest_batch_by_hand(self) -> None:
        dataset = dataset_of([0, 0, 0, 0], [4, 5, 6, 7])  # only node 0 comes back
        assert largest_batch(dataset, 0.2) == (1, 0.0)
        assert largest_batch(dataset, 0.25) == (3, 0.25)  # batches of 2 and of 3 both miss two
        assert largest_batch(dataset, 0.375) == (4, 0.375)

    def test_only_training_events_count(self) -> None:
        dataset = dataset_of([0, 1, 2, 3, 3, 3], [4, 5, 6, 7, 7, 7], train_end=4)
        assert largest_batch(dataset, 0.1) == (4, 0.0)

    @given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.floats(0.01, 0.9))
    def test_the_largest_batch_keeps_to_the_threshold(
        self, src: list[int], threshold: float
    ) -> None:
        dataset = dataset_of(src, [5 + node for node in src])
        batch, missed = largest_batch(dataset, threshold)
        stream = dataset.stream
        kept = [int(captured_events(stream.src, stream.dst, b, 10).sum()) for b in (1, batch)]
        assert missed == 1 - kept[1] / kept[0] <= threshold

    def test_copy_bytes_of_wikipedia(self) -> None:
        assert copy_bytes(9_227, 100) == 9_227 * ((100 + 200) * 4 + 3 * 8)


class TestCommand:
    """``python -m benchmark.plan``."""

    @pytest.fixture
    def tiny(self, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        """A data set of four events; the list receives the words it was asked for with."""
        asked: list[list[str]] = []

        compose_settings_of = planner.compose_settings

        def compose_settings(words: list[str]) -> object:
            asked.append(words)
            return compose_settings_of(["model=tgn_attention"])

        dataset = dataset_of([0, 0, 0, 0], [4, 5, 6, 7])
        monkeypatch.setattr(planner, "compose_settings", compose_settings)
        monkeypatch.setattr(planner, "build_dataset", lambda config: dataset)
        return asked

    def test_example_of_the_paper(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(PAPER) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "2 x 2 x 8"
        assert [line[:2] for line in lines[1:5]] == ["1.", "2.", "3.", "4."]
        settings = "parallelism.i=2 parallelism.j=2 parallelism.k=8 batch_size=1600"
        assert lines[5].endswith(settings)

    def test_left_out_values_are_measured(
        self, tiny: list[list[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        room = 2.5 * copy_bytes(10, 100) / 2**30
        words = ["devices=4", "saturating_batch=1", "dataset=mine", "dataset.path='/a b.csv'"]
        words += ["captured_events_threshold=0.25", f"memory_gib={room}"]
        assert command.main(words) == 0
        out = capsys.readouterr().out
        assert re.search(r"^largest_batch = 3: .* 25.0% .* of tiny \(with this one 25.0%\)", out)
        assert re.search(r"^copies_per_machine = 2: ", out, re.MULTILINE)
        assert re.search(r"^2 x 1 x 2$", out, re.MULTILINE)
        assert tiny == [["model=tgn_attention", "dataset=mine", "dataset.path='/a b.csv'"]]

    def test_the_embedded_data_set_is_measured(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["devices=2", "saturating_batch=50", "captured_events_threshold=0.5"]
        assert command.main([*words, "dataset=synthetic"]) == 0
        measured, copies, found = capsys.readouterr().out.splitlines()[:3]
        assert re.match(r"largest_batch = \d+: .*of synthetic", measured)
        assert copies.startswith("copies_per_machine = ")
        assert found in ("1 x 1 x 2", "2 x 1 x 1")

    def test_given_values_are_not_measured(self, tiny: list[list[str]]) -> None:
        assert command.main([*PAPER, "dataset=mine", "captured_events_threshold=0.1"]) == 0
        assert tiny == []

    def test_memory_too_small_for_one_copy(
        self, tiny: list[list[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [*PAPER[:4], "dataset=mine", "memory_gib=1e-9"]
        assert "One copy of the node memory of tiny takes" in refusal(words, capsys)

    @pytest.mark.parametrize(
        "left_out", ["saturating_batch", "largest_batch", "copies_per_machine"]
    )
    def test_a_missing_value_is_asked_for(
        self, left_out: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [word for word in PAPER if not word.startswith(left_out)]
        assert refusal(words, capsys).startswith(f"Please give {left_out}=")

    def test_devices_are_counted_or_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [word for word in PAPER if not word.startswith("devices")]
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
        assert refusal(words, capsys).startswith("Please give devices=")
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
        assert command.main(words) == 0
        assert "devices = 8: the GPUs of this machine." in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("word", "message"),
        [
            ("devises=8", "There is no key 'devises'; choose from machines, devices, "),
            ("machines=0", "machines must be a whole number from 1, not 0."),
            ("machines=1.5", "machines must be a whole number from 1, not 1.5."),
            ("machines=true", "machines must be a whole number from 1, not True."),
            ("captured_events_threshold=2", "must be a share between 0 and 1, not 2."),
            ("memory_gib=-1", "memory_gib must be a number above 0, not -1."),
            ("machines", "'machines' is not understood"),
        ],
    )
    def test_wrong_words_are_refused(
        self, word: str, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        others = [each for each in PAPER if not each.startswith(f"{word.partition('=')[0]}=")]
        assert message in refusal([*others, word], capsys)

    def test_help_names_every_key(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["--help"]) == 0
        out = capsys.readouterr().out
        assert all(f"\n  {key}: " in out for key in planner.HELP)
