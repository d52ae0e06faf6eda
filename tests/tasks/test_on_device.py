"""Whole experiments on an accelerator, here a pretended one, record what they do on a CPU."""

from pathlib import Path

import pytest

from benchmark.runner.kept import KeptRun
from benchmark.tasks import build
from tests.pretend_device import DEVICE
from tests.runner.finished import RUNS, experiment_in, finish, metrics_of, recorded

# The rest computes on no device, or draws dropout with the device's generator.
TRAINED = sorted(RUNS.keys() - {"EdgeBank", "PyG", "TGM"})


@pytest.mark.parametrize("name", TRAINED)
def test_a_device_records_what_a_cpu_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Larger steps would enlarge the roundings of sums.
    words = [*RUNS[name], "system.precision=float64", "learning_rate=1e-4"]
    here = metrics_of(finish(experiment_in(tmp_path / "cpu", words)))
    with monkeypatch.context() as patch:
        patch.setattr(build, "choose_device", lambda *_: DEVICE)
        run = finish(experiment_in(tmp_path / "device", words))
    assert metrics_of(run) == pytest.approx(here, rel=1e-6)
    # What a device has kept a CPU can go on with.
    again, expected = KeptRun(run).evaluate("validation"), recorded(run, "validation")
    shared = again.keys() & expected.keys()
    assert shared
    assert {name: again[name] for name in shared} == pytest.approx({n: expected[n] for n in shared})
