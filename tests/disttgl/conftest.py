"""How often static memory was pre-trained."""

from typing import Any

import pytest

from benchmark.disttgl import pretraining
from benchmark.disttgl.pretraining import Pretrained, pretrain


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every pre-training."""
    done: list[int] = []

    def counted(*arguments: Any) -> Pretrained:
        done.append(1)
        return pretrain(*arguments)

    monkeypatch.setattr(pretraining, "pretrain", counted)
    return done
