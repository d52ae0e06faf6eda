"""What the systems share that train a library's own network, on one device."""

import torch

from benchmark.graph.visibility import Visibility
from benchmark.randomness import seeded
from benchmark.training.system import Job, System


class OneDeviceSystem(System):
    """A library's network, of which sentences speak as ``name``; a round is one epoch.

    The model of the job is called as ``model(num_nodes, edge_dim)``. Outside ``train_round`` it is
    in eval mode.
    """

    name: str
    visibility = Visibility.BATCH

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        training, dataset = job.training, job.dataset
        if training.parallelism.num_trainers != 1 or job.processes.world_size != 1:
            raise ValueError(
                f"system {self.name} trains on one device and needs parallelism 1x1x1 on 1 process,"
                f" not {training.parallelism} on {job.processes.world_size};"
                " choose system=disttgl for more trainers"
            )
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
