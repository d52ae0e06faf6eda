"""A transformer layer whose sequences differ in length."""

from torch import Tensor, nn

from benchmark.models.layers.dropout import Dropout
from benchmark.models.layers.feed_forward import activate, add
from benchmark.models.layers.products import NarrowProducts
from benchmark.models.layers.sequence_attention import attend


class TransformerLayer(nn.TransformerEncoderLayer, NarrowProducts):
    """torch's own with GELU and norms first, of which it keeps the weights and their names.

    Products with weights may be narrow, and dropout, also of attention, comes from a counter.
    """

    def __init__(self, dim: int, num_heads: int, hidden_dim: int, dropout: float) -> None:
        super().__init__(dim, num_heads, hidden_dim, 0.0, "gelu", batch_first=True, norm_first=True)
        self.attention_dropout, self.attended_dropout = Dropout(dropout), Dropout(dropout)
        self.inner_dropout, self.outer_dropout = Dropout(dropout), Dropout(dropout)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        """The same shape [rows, num_tokens, dim]; only the first ``lengths`` [rows] are there."""
        attention, kind = self.self_attn, self.product_type
        context = attend(self.norm1(tokens), attention, lengths, self.attention_dropout, kind)
        hidden = add(tokens, context, attention.out_proj, self.attended_dropout, kind)
        inner = activate(self.norm2(hidden), self.linear1, self.inner_dropout, kind)
        return add(hidden, inner, self.linear2, self.outer_dropout, kind)
