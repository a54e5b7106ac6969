"""A layer in which regions look at each other before the first word (Vaswani et al. 2017), each part normalised before it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention


class RegionLayer(nn.Module):
    """What else regions may look at, and how queries are made, is for kindred decoders to change."""

    def __init__(self, hidden: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.out = nn.Linear(hidden, hidden)
        self.think = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, hidden)
        )
        self.dropout = nn.Dropout(dropout)

    def looked_at(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values `(P, heads, R, H/heads)` of the regions to those of all that is looked at."""
        return keys, values

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Regions `(P, R, H)` to regions that know of each other, of those that `mask (P, R)` says are some."""
        photos, regions, hidden = x.shape
        query, keys, values = (
            part.view(photos, regions, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norm(x)).chunk(3, dim=-1)
        )  # (P, heads, R, H/heads) each
        keys, values = self.looked_at(keys, values)
        if mask is not None:  # what else is looked at stands after the regions, and is always there
            mask = pad(mask, (0, keys.shape[2] - regions), value=True)[:, None, None]  # (P, 1, 1, all)
        found = scaled_dot_product_attention(query, keys, values, mask)
        x = x + self.dropout(self.out(found.transpose(1, 2).reshape(photos, regions, hidden)))
        thought: Tensor = x + self.dropout(self.think(x))
        return thought
