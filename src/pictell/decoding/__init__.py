"""Search for the best word sequences over any step function; numpy only."""

from __future__ import annotations

from pictell.decoding.beam import beam_search, greedy
from pictell.decoding.forced import forced_log_probs
from pictell.decoding.hypothesis import Hypothesis
from pictell.decoding.machine import Machine
from pictell.decoding.options import Phrase, Sampling, SearchOptions, contains
from pictell.decoding.pieces import add_pieces, attention_maps, attention_of_words
from pictell.decoding.sampling import sample
from pictell.decoding.search import search
from pictell.decoding.steps import StepFunction

__all__ = [
    "Hypothesis",
    "Machine",
    "Phrase",
    "Sampling",
    "SearchOptions",
    "StepFunction",
    "add_pieces",
    "attention_maps",
    "attention_of_words",
    "beam_search",
    "contains",
    "forced_log_probs",
    "greedy",
    "sample",
    "search",
]
