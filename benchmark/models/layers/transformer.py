"""A transformer layer whose sequences differ in length."""

from torch import Tensor, nn

from benchmark.models.layers.dropout import Dropout
from benchmark.models.layers.feed_forward import feed_forward
from benchmark.models.layers.products import NarrowProducts, linear, product


class TransformerLayer(nn.TransformerEncoderLayer, NarrowProducts):
    """torch's own with GELU and norms first, of which it keeps the weights and their names.

    Products may be narrow, and dropout, also of attention, comes from a counter.
    """

    def __init__(self, dim: int, num_heads: int, hidden_dim: int, dropout: float) -> None:
        super().__init__(
            dim, num_heads, hidden_dim, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.num_heads = num_heads
        self.attention_dropout = Dropout(dropout)
        self.dropout, self.dropout1, self.dropout2 = (Dropout(dropout) for _ in range(3))

    def forward(self, tokens: Tensor, absent: Tensor) -> Tensor:  # type: ignore[override]
        """The same shape [rows, num_tokens, dim]; nothing looks at the ``absent`` tokens.

        ``absent`` [rows, num_tokens] is False for one token of a row at least.
        """
        hidden = tokens + self.dropout1(self._attend(self.norm1(tokens), absent))
        fed = feed_forward(
            self.norm2(hidden), self.linear1, self.dropout, self.linear2, self.product_type
        )
        output: Tensor = hidden + self.dropout2(fed)
        return output

    def _attend(self, tokens: Tensor, absent: Tensor) -> Tensor:
        """Scaled dot-product attention of all heads [rows, num_tokens, dim]."""
        attention, kind = self.self_attn, self.product_type
        mixed = linear(tokens, attention.in_proj_weight, attention.in_proj_bias, kind)
        heads = mixed.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = heads
        scores = product(queries * keys.shape[-1] ** -0.5, keys.transpose(2, 3), kind)
        scores = scores.masked_fill(absent[:, None, None], float("-inf"))
        weights = self.attention_dropout(scores.softmax(-1))
        context = product(weights, values, kind).transpose(1, 2).flatten(2)
        projection = attention.out_proj
        return linear(context, projection.weight, projection.bias, kind)
