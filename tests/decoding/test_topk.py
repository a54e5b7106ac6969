"""The largest entries of each row, against a plain sort."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pictell.decoding.topk import top_k


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 5), width=st.integers(1, 60), data=st.data())
def test_equals_a_stable_sort(seed: int, rows: int, width: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, width))
    values = np.random.default_rng(seed).integers(0, 10, size=(rows, width)).astype(np.float32)  # with many ties
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    wanted = np.take_along_axis(values, order, axis=1)
    columns, entries = top_k(values.copy(), k)
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(entries, wanted)
