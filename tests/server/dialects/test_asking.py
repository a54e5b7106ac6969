"""Which texts are taken for a request to describe a picture. The prompts are such as programs send by default."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.server.dialects.asking import objection

ANSWERED = [
    "",
    "Describe this image.",
    "Describe what you see. Do not output JSON, and never answer in JSON.",
    "What is in this image?",
    "What's this?",
    "What do you see?",
    "What is happening here?",
    "Who is at the door?",
    "Where was this taken?",
    "Can you describe this picture?",
    "Could you look at this?",
    "Caption",
    "Write a short alt text.",
    "a photography of",
    "Give a one sentence report of the driveway.",
    "Tell me what is going on, and whether it is raining. How many cars are there?",
    # Frigate's, for tracked objects.
    "Analyze the sequence of images containing the person. Focus on the likely intent or behavior of the person based on its "
    "actions and movement, rather than describing its appearance or the surroundings. Consider what the person is doing, why, "
    "and what it might do next.",
    "Watch the main vehicle in these pictures: where does it come from, where does it go? Name the company if it delivers.",
    # LLM Vision's names of pictures before what its user asks.
    "Image 1:\nfront_door.jpg:\nSummarize the event.",
    "Caption the picture in exactly one sentence, active voice, main subject first; no formatting, no filler.",
    "Describe the women in German dress.",
    "Describe the image in English.",
    "Beschreibe das Bild.",
    "描述这张图片",
    "¿Cuántas personas hay?",
]

REFUSED = [
    ("How many people are there?", "how many"),
    ("Count the birds.", "how many"),
    ("What color is the car?", "colour"),
    ("What is the colour of the door?", "colour"),
    ("Is there a person at the door?", "yes or no"),
    ("Image 1:\nfront_door.jpg:\nAre there any packages?\n", "yes or no"),
    ("Does the dog look happy?", "yes or no"),
    ("Analyze the image and answer yes or no: is the garage open?", "yes or no"),
    ("Describe the scene. true/false: a dog is in it", "yes or no"),
    ("Respond with JSON.", "JSON"),
    ("Describe the scene. Your response MUST be a flat JSON object with: `scene` (string)", "JSON"),
    ("Answer only with a number: the people you see", "number"),
    ("Read the text.", "written"),
    ("What does the sign say?", "written"),
    ("What's the license plate?", "written"),
    ("What time is it on the clock?", "time"),
    ("Describe this picture in German", "German"),
    ("Write a caption. Answer in Spanish please.", "Spanish"),
]


@pytest.mark.parametrize("text", ANSWERED)
def test_requests_for_a_description_are_answered(text: str) -> None:
    assert objection(text, "en") is None
    assert objection(text.upper(), "en") is None


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_clearly_another_question_is_not(text: str, reason: str) -> None:
    for each in (text, text.upper()):
        found = objection(each, "en")
        assert found is not None
        assert reason in found


def test_the_model_s_own_language_may_be_asked_for() -> None:
    assert objection("Describe this in German.", "de") is None
    assert "English" in str(objection("Describe this in English.", "de-AT"))


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    found = objection(text, "en")
    assert found is None or "\n" not in found


@pytest.mark.parametrize(
    "piece", ["json ", "is it? ", "what do ", "in in ", "not ", "what does " + "a" * 60, "yes / ", "\n", "?"]
)
def test_no_text_takes_long(piece: str) -> None:
    begun = time.perf_counter()
    objection(piece * (200_000 // len(piece)), "en")
    assert time.perf_counter() - begun < 1
