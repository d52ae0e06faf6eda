"""What every task is to the runner."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from benchmark.datasets.dataset import LabelKind
from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.training.processes import Processes


class Task(ABC):
    """What is measured; a subclass takes the options of its yaml.

    ``trains`` says whether it needs a system. ``label_kinds`` are the kinds of labels of which it
    needs one; empty where it needs none. ``ability`` is the protocol class that its system must be
    of, such as ``EventClassifier``. ``needs_nodes`` says whether it looks at single nodes.
    """

    trains: ClassVar[bool] = False
    needs_nodes: ClassVar[bool] = False
    label_kinds: ClassVar[tuple[LabelKind, ...]] = ()
    name: str

    @property
    def ability(self) -> type | None:
        """What the system must be able to do beside training."""
        return None

    @abstractmethod
    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Run the experiment in this process; returns fields of ``result.json`` for rank 0."""
