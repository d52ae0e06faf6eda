"""What a worker says of an error."""

import os

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from benchmark.errors import one_sentence
from benchmark.machine.device import choose_device
from benchmark.machine.place import Place
from benchmark.runner.workers.worker import peak_memory_bytes, pin_cores


def test_an_error_of_the_user_is_its_own_sentence() -> None:
    assert (
        one_sentence(ValueError("events.csv row 7:\n time is NaN"))
        == "events.csv row 7: time is NaN"
    )
    assert one_sentence(FileNotFoundError("no such file: a.csv")) == "no such file: a.csv"


def test_other_errors_are_named() -> None:
    assert one_sentence(KeyError("memory")) == "KeyError: 'memory'"
    assert one_sentence(RuntimeError()) == "RuntimeError"
    assert one_sentence(ValueError()) == "ValueError"


def test_what_hydra_wraps_is_unwrapped() -> None:
    node = {"_target_": "benchmark.parallelism.Parallelism", "i": 0}
    with pytest.raises(InstantiationException) as wrapped:
        instantiate(node)
    assert one_sentence(wrapped.value).startswith("parallelism.i is 0")


def test_peak_memory_is_that_of_a_process_with_torch() -> None:
    assert 50 * 2**20 < peak_memory_bytes() < 100 * 2**30


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = "benchmark.machine.device.torch.cuda"
    monkeypatch.setattr(f"{cuda}.is_available", lambda: False)
    assert choose_device("auto", Place(1, 2)).type == "cpu"
    with pytest.raises(ValueError, match="device=cuda but no GPU"):
        choose_device("cuda", Place())
    monkeypatch.setattr(f"{cuda}.is_available", lambda: True)
    monkeypatch.setattr(f"{cuda}.device_count", lambda: 2)
    assert str(choose_device("auto", Place(1, 2))) == "cuda:1"
    assert str(choose_device("auto", Place(3, 4, 2))) == "cuda:1"
    assert str(choose_device("cpu", Place(3, 4))) == "cpu"
    with pytest.raises(ValueError, match="4 processes need as many GPUs, and there are 2"):
        choose_device("auto", Place(1, 4))
    with pytest.raises(ValueError, match="4 processes on each machine need as many GPUs, and"):
        choose_device("auto", Place(1, 8, 2))


def test_processes_are_pinned_to_cores_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[list[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5, 2, 3, 7}, raising=False)
    monkeypatch.setattr(
        os, "sched_setaffinity", lambda pid, cores: pinned.append(cores), raising=False
    )
    pin_cores(0, 2, 2)
    pin_cores(1, 2, 2)
    assert pinned == [[2, 3], [5, 7]]
    with pytest.raises(ValueError, match="need 6 cores and there are 4"):
        pin_cores(0, 3, 2)
    monkeypatch.delattr(os, "sched_setaffinity")
    with pytest.raises(ValueError, match="needs Linux; set pin_cores=false"):
        pin_cores(0, 2, 2)
