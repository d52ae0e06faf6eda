"""What the systems share that train a library's own network, on one device."""

from collections.abc import Mapping
from typing import Any

import torch

from benchmark.graph.past import Visibility
from benchmark.parallelism import Parallelism
from benchmark.randomness import seeded
from benchmark.training.system import Job, System


class OneDeviceSystem(System):
    """A library's network, of which sentences speak as ``name``; a round is one epoch.

    The model of the job is called as ``model(num_nodes, edge_dim)``. Outside ``train_round`` it is
    in eval mode.
    """

    name: str
    visibility = Visibility.BATCH

    @classmethod
    def check(
        cls, parallelism: Parallelism, num_processes: int, options: Mapping[str, Any]
    ) -> None:
        """As ``benchmark.training.system.System.check``."""
        if parallelism.num_trainers != 1 or num_processes != 1:
            raise ValueError(
                f"system {cls.name} trains on one device and needs parallelism 1x1x1 on 1 process,"
                f" not {parallelism} on {num_processes}; choose system=disttgl for more trainers"
            )

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        training, dataset = job.training, job.dataset
        self.check(training.parallelism, job.processes.world_size, {})
        self.dataset = dataset
        self.training = training
        self.device = training.device
        self.num_rounds = training.epochs
        self.iterations_per_round = -(-dataset.split.train_end // training.batch_size)
        assert job.model is not None, "the suite gives no system of a model none"
        with seeded(self.device, training.seed, "weights"):
            self.model = job.model(dataset.num_nodes, dataset.edge_dim)
        self.model.to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=training.learning_rate)
        self._evaluate()

    @torch.no_grad()
    def _evaluate(self) -> None:
        """Enter eval mode, on which the libraries apply all waiting messages to the memory."""
        self.model.eval()
