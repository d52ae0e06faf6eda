"""What every task is to the runner."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.experiment import Experiment
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.readout import Readout
from benchmark.training.processes import Processes
from benchmark.training.system import Goal, System


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


class TrainedTask(Task):
    """A task that trains a system, and can ask the state that is kept of a finished run."""

    trains = True
    goal: Goal

    @abstractmethod
    def readout(
        self,
        system: System,
        dataset: Dataset,
        protocol: LinkProtocol,
        batch_size: int,
        kept: Mapping[str, Any],
    ) -> Readout:
        """How to ask a ``system`` that has the state of ``kept``, as ``write_best`` wrote it."""
