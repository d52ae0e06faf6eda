"""Who has a throughput."""

import pytest

from benchmark.runner.suites import expand
from benchmark.tasks import task


@pytest.mark.parametrize(
    ("words", "shared"),
    [
        (["processes=1", "threads=4"], False),
        (["processes=2", "threads=1", "parallelism.i=2"], False),
        (["processes=2", "threads=2", "parallelism.i=2"], True),
        (["processes=4", "parallelism.i=4"], True),
        (["processes=4", "parallelism.i=4", "pin_cores=true"], False),
    ],
)
def test_processes_that_share_two_cores(
    monkeypatch: pytest.MonkeyPatch, words: list[str], shared: bool
) -> None:
    monkeypatch.setattr(task, "available_cores", lambda: 2)
    assert task.share_cores(expand(words).experiments[0]) is shared
