"""Search for the best word sequences over any step function; numpy only."""

from __future__ import annotations

from pictell.decoding.beam import beam_search, greedy
from pictell.decoding.forced import forced_log_probs
from pictell.decoding.hypothesis import Hypothesis
from pictell.decoding.options import SearchOptions
from pictell.decoding.steps import StepFunction

__all__ = ["Hypothesis", "SearchOptions", "StepFunction", "beam_search", "forced_log_probs", "greedy"]
