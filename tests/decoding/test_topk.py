"""The largest entries of each row, against a plain sort."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pictell.decoding.topk import largest, top_k


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 5), width=st.integers(1, 90), data=st.data())
def test_equals_a_stable_sort(seed: int, rows: int, width: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, width))
    values = np.random.default_rng(seed).integers(0, 10, size=(rows, width)).astype(np.float32)  # with many ties
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    wanted = np.take_along_axis(values, order, axis=1)
    columns, entries = top_k(values.copy(), k)
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(entries, wanted)


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 5), width=st.integers(0, 60), k=st.integers(1, 30))
def test_the_largest_are_those_of_a_stable_sort(seed: int, rows: int, width: int, k: int) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(0, 10, size=(rows, width)).astype(np.float64)
    values[random.random((rows, width)) < random.random()] = -np.inf
    np.testing.assert_array_equal(largest(values, k), np.argsort(-values, axis=1, kind="stable")[:, :k])
