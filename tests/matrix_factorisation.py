"""The plainest model of fixed preferences: a product of two tables, without a network or time."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from benchmark.datasets.dataset import Dataset
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import link_metrics

DIM = 32
BATCH_SIZE = 600
LEARNING_RATE = 1e-2
EPOCHS = 5  # more of them overfit


def factorised(dataset: Dataset) -> NDArray[np.float64]:
    """Scores [num_users, num_items] learned from the training events of a bipartite ``dataset``.

    Bayesian personalised ranking (Rendle et al., UAI 2009) with Adam; users are the first nodes.
    """
    end, num_users = dataset.split.train_end, int(dataset.destinations[0])
    users, items = dataset.stream.src[:end], dataset.stream.dst[:end] - num_users
    num_items = dataset.num_nodes - num_users
    random = torch.Generator().manual_seed(0)
    tables = [
        nn.Parameter(0.1 * torch.randn(rows, DIM, generator=random))
        for rows in (num_users, num_items)
    ]
    popularity = nn.Parameter(torch.zeros(num_items))
    optimizer = torch.optim.Adam([*tables, popularity], lr=LEARNING_RATE)
    for _ in range(EPOCHS):
        for ids in torch.randperm(end, generator=random).split(BATCH_SIZE):
            user, item = users[ids], items[ids]
            other = torch.randint(num_items - 1, item.shape, generator=random)
            other += other >= item
            taste, (liked, not_liked) = tables[0][user], (tables[1][item], tables[1][other])
            gap = (taste * (liked - not_liked)).sum(1) + popularity[item] - popularity[other]
            optimizer.zero_grad()
            (-F.logsigmoid(gap)).mean().backward()
            optimizer.step()
    scores = tables[0] @ tables[1].T + popularity
    return scores.detach().double().numpy()


def validation_mrr(dataset: Dataset, scores: NDArray[np.float64], protocol: LinkProtocol) -> float:
    """Validation MRR of ``scores`` [num_users, num_items]."""
    events = dataset.batch(dataset.split.train_end, dataset.split.validation_end)
    items = protocol.negatives(dataset).candidates(events, "validation") - len(scores)
    return link_metrics(torch.from_numpy(scores)[events.src.unsqueeze(1), items])["mrr"]
