"""How far what is known of a node has drifted since its newest mail."""

from torch import Tensor, nn

SCALE = 0.1  # a week, log(1 + 604800) = 13, then scales memory by about one at first


class TimeProjection(nn.Linear):
    """The factor 1 + W log(1 + idle) + b of JODIE's embedding (arXiv 1908.01207)."""

    def __init__(self, dim: int) -> None:
        super().__init__(1, dim)
        nn.init.normal_(self.weight, std=SCALE)
        nn.init.zeros_(self.bias)

    def forward(self, idle: Tensor) -> Tensor:
        """Factors [num_roots, dim] after the times ``idle`` [num_roots], int64."""
        logarithm = idle.unsqueeze(1).to(self.weight.dtype).log1p()
        factors: Tensor = 1 + super().forward(logarithm)
        return factors
