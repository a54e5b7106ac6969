"""The review in a real browser: by keyboard alone, with what a screen reader is told, at any width, in light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import HOSTILE, Album, Serve, said

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not on this machine (Debian: chromium)")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield started
        started.close()


class Reviewer:
    """A person at the page: presses keys, hears what the live region says."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: (self.wrong.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: self.wrong.append(message.text) if "status of" not in message.text else None)
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(address)
        self.hears("Photo 1 of")

    def hears(self, *words: str) -> str:
        """Waits until all the words are said together; what is said then."""
        self.page.wait_for_function(
            "words => words.every(word => document.getElementById('said').textContent.includes(word))", arg=list(words)
        )
        return str(self.page.text_content("#said"))

    def press(self, key: str, *words: str) -> str:
        self.page.keyboard.press(key)
        return self.hears(*words) if words else ""

    @property
    def focus(self) -> str:
        return str(self.page.evaluate("document.activeElement.id || document.activeElement.tagName"))

    def tab_to(self, name: str) -> None:
        for _ in range(40):
            if self.focus == name:
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{name} is not reached by Tab")


@pytest.fixture
def reviewer(browser: Any, serving: Serve) -> Iterator[Reviewer]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    made = Reviewer(context.new_page(), serving())
    yield made
    assert made.wrong == []
    assert all(url.startswith(("http://127.0.0.1:", "data:")) for url in made.asked)
    context.close()


def test_the_address_shows_no_token_once_it_was_opened(reviewer: Reviewer) -> None:
    assert reviewer.page.url.endswith("/")
    assert reviewer.page.evaluate("document.cookie") == ""  # a script could not read it
    reviewer.press("a", "Accepted.")
    reviewer.page.reload()
    reviewer.hears("Photo 1 of 4")
    reviewer.press("u", "Undone.", "Photo 1 of 5", "a dog runs on grass")  # what was decided before is not forgotten


def test_all_by_keyboard(reviewer: Reviewer, album: Album) -> None:
    page = reviewer.page
    assert page.inner_text("#left") == "5 captions left to review"
    assert "a dog runs on grass" in reviewer.hears("80 % sure", "high")
    heard = reviewer.press("a", "Accepted.", "Photo 2 of 5")
    assert "two cats sit. By pictell, 20 % sure, low confidence" in heard
    assert page.inner_text("#left") == "4 captions left to review"
    assert page.inner_text("#own-list").split("\n") == ["Minka & Mau", "Keyword: cats"]
    reviewer.press("e")
    assert reviewer.focus == "text"
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("xenon and a naughty cat?")  # all of these are keys elsewhere
    reviewer.press("Enter", "Saved.", "Photo 3 of 5")
    assert reviewer.focus == "name"
    reviewer.press("x", "Rejected.", "Photo 4 of 5")
    reviewer.press("ArrowRight", "Photo 5 of 5")
    reviewer.press("n", "That was the last one", "2 captions left", "passed over")
    assert reviewer.focus == "end-title"
    reviewer.press("p", "Photo 5 of 5")
    reviewer.press("u", "Undone.", "Photo 3 of 5")
    reviewer.press("u", "Undone.", "Photo 2 of 5", "two cats sit")
    reviewer.press("u", "Undone.", "Photo 1 of 5", "a dog runs on grass")
    assert album.words("b.png") == said("two cats sit", 0.2)
    reviewer.press("u", "nothing to undo")
    reviewer.press("ArrowLeft", "This is the first photo")
    reviewer.press("e")
    page.keyboard.type(" today")
    page.keyboard.press("Enter")
    reviewer.hears("Saved.")
    words = album.words("a.png")
    assert words is not None
    assert (words.text, words.by, words.said) == ("a dog runs on grass today", "person", "a dog runs on grass")
    reviewer.tab_to("finish")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'end-title'")
    assert page.inner_text("#end-text") == "1 photo reviewed: 1 edited. All of it is kept. You can close this page."


def test_a_review_is_taken_back(reviewer: Reviewer, album: Album) -> None:
    page = reviewer.page
    reviewer.press("e")
    page.keyboard.type("!")
    reviewer.press("Enter", "Saved.")
    page.select_option("#show", "reviewed")
    reviewer.hears("1 photo.", "a dog runs on grass!. Written by a person")
    assert page.inner_text("#before") == "pictell said: a dog runs on grass"
    reviewer.tab_to("accept")
    reviewer.press("Enter", "a person's already")
    reviewer.tab_to("restore")
    reviewer.press("Enter", "Review taken back.", "a dog runs on grass. By pictell")
    assert reviewer.focus == "name"
    assert album.words("a.png") == said("a dog runs on grass", 0.8)
    reviewer.press("u", "Undone.", "grass!")


def test_cancelled_and_unsaved_words(reviewer: Reviewer, album: Album) -> None:
    page = reviewer.page
    reviewer.press("e")
    page.keyboard.type(" no")
    reviewer.press("Escape", "Not changed.")
    assert reviewer.focus == "name"
    reviewer.press("e")
    page.keyboard.type(" and more")
    page.click("#next")
    reviewer.hears("Save or cancel what you wrote first.")
    assert reviewer.focus == "text"
    page.select_option("#show", "all")
    reviewer.hears("Save or cancel")
    assert page.input_value("#show") == "unreviewed"
    assert page.input_value("#text") == "a dog runs on grass and more"
    page.fill("#text", " ")
    reviewer.press("Enter", "a caption needs words")
    reviewer.press("Escape", "Not changed.")
    assert album.words("a.png") == said("a dog runs on grass", 0.8)


def test_an_edit_of_what_changed_meanwhile_is_not_lost(reviewer: Reviewer, album: Album) -> None:
    page = reviewer.page
    reviewer.press("e")
    page.keyboard.type(", and so on")
    album.put("a.png", said("a wolf runs on grass", 0.9))
    reviewer.press("Enter", "Nothing was saved", "a wolf runs on grass", "still in the field")
    assert page.input_value("#text") == "a dog runs on grass, and so on"
    assert page.inner_text("#caption") == "a wolf runs on grass"
    reviewer.press("Enter", "Saved.")
    words = album.words("a.png")
    assert words is not None
    assert (words.text, words.said) == ("a dog runs on grass, and so on", "a wolf runs on grass")


def test_keys_can_be_switched_off_and_stay_off(reviewer: Reviewer, album: Album) -> None:
    page = reviewer.page
    assert page.get_attribute("#accept", "aria-keyshortcuts") == "a"
    reviewer.tab_to("shortcuts")
    reviewer.press(" ", "Single-key shortcuts are off")
    page.evaluate("document.activeElement.blur()")
    for key in "aexuntpw?":
        page.keyboard.press(key)
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)
    assert page.inner_text("#left") == "5 captions left to review"
    assert page.get_attribute("#accept", "aria-keyshortcuts") is None
    page.reload()
    reviewer.hears("Photo 1 of 5")
    reviewer.press("a")
    page.wait_for_timeout(200)
    assert album.words("a.png") == said("a dog runs on grass", 0.8)
    reviewer.tab_to("accept")  # buttons always work
    reviewer.press("Enter", "Accepted.")
    assert reviewer.focus == "accept"


def test_keys_stay_off_in_the_next_run(reviewer: Reviewer, serving: Serve) -> None:
    reviewer.page.uncheck("#shortcuts")
    reviewer.page.goto(serving())
    reviewer.hears("Photo 1 of 5")
    assert not reviewer.page.is_checked("#shortcuts")
    reviewer.page.check("#shortcuts")
    reviewer.page.reload()
    reviewer.hears("Photo 1 of 5")
    assert reviewer.page.is_checked("#shortcuts")


def test_keys_with_a_modifier_are_the_browsers(reviewer: Reviewer, album: Album) -> None:
    for modifier in ("Control", "Alt", "Meta"):
        reviewer.page.keyboard.press(f"{modifier}+x")
    reviewer.page.focus("#show")
    reviewer.page.keyboard.press("a")  # chooses "All photos", as in any list
    reviewer.hears("7 photos.")
    assert album.words("a.png") == said("a dog runs on grass", 0.8)


def test_a_key_held_down_decides_once(reviewer: Reviewer) -> None:
    reviewer.page.keyboard.down("a")
    for _ in range(5):
        reviewer.page.keyboard.down("a")  # as the system repeats it
    reviewer.page.keyboard.up("a")
    reviewer.hears("Accepted.", "Photo 2 of 5")
    reviewer.page.wait_for_timeout(200)
    assert reviewer.page.inner_text("#left") == "4 captions left to review"


def test_hostile_names_and_captions_are_text(reviewer: Reviewer, album: Album) -> None:
    page = reviewer.page
    page.select_option("#show", "all")
    reviewer.hears("Photo 1 of 7")
    page.click("#name")
    names = []
    for number in range(1, 8):
        reviewer.hears(f"Photo {number} of 7")
        names.append(page.inner_text("#name"))
        if names[-1] == HOSTILE:
            assert page.inner_text("#caption") == "<b>a bird</b> & $name"
        if number < 7:
            page.keyboard.press("n")
    assert sorted(names) == sorted(
        name if name.isprintable() else "o\\xff\\n.png" for name in map(os.fsdecode, album.numbers)
    )
    assert page.evaluate("document.querySelectorAll('img').length") == 2
    assert page.evaluate("[...document.querySelectorAll('b, script:not([src])')].length") == 0


def test_photos_that_cannot_be_shown_are_told_and_passed(reviewer: Reviewer, album: Album) -> None:
    page = reviewer.page
    (album.photos / "sub" / HOSTILE).unlink()
    reviewer.press("n", "Photo 2 of 5")
    reviewer.press("n", "Photo 3 of 5", "a bird", "No such file. You can skip it.")
    assert page.inner_text("#no-image") == "No such file. You can skip it."
    reviewer.press("n", "Photo 4 of 5")
    page.wait_for_function("() => document.getElementById('image').naturalWidth > 0")
    assert page.is_hidden("#no-image")
    page.select_option("#show", "missing")
    reviewer.hears("2 photos.", "cut short")
    page.click("#name")
    reviewer.press("n", "looks like a plot")
    reviewer.press("a", "no caption to accept")
    reviewer.press("e")
    page.keyboard.type("a plot of sales")
    reviewer.press("Enter", "Saved.", "That was the last one")
    words = album.words("plot.png")
    assert words is not None
    assert words.text == "a plot of sales"


def test_where_words_come_from(reviewer: Reviewer) -> None:
    page = reviewer.page
    assert page.evaluate("performance.getEntriesByType('resource').every(entry => !entry.name.endsWith('/words'))")
    reviewer.press("w", "choose one")
    words = page.query_selector_all("#attention-words button")
    assert words
    assert page.evaluate("document.activeElement.parentElement.id") == "attention-words"
    reviewer.press("Enter", "most at the", "% likely")
    assert page.evaluate("document.activeElement.ariaPressed") == "true"
    page.wait_for_function("() => document.getElementById('heat').naturalWidth > 0")
    image, heat = (page.locator(name).bounding_box() for name in ("#image", "#heat"))
    assert image == pytest.approx(heat, abs=1)
    reviewer.press("w", "Words closed")
    assert reviewer.focus == "words"
    assert page.is_hidden("#heat")


def test_stopped_meanwhile(browser: Any, serving: Serve) -> None:
    context = browser.new_context()
    page = context.new_page()
    reviewer = Reviewer(page, serving())
    page.route("**/api/**", lambda route: route.abort())
    reviewer.press("a", "pictell no longer answers", "What was decided is kept")
    context.close()


STATES = {
    "photo": (),
    "editing": ("e",),
    "words": ("w",),
    "keys": ("?",),
    "reviewed": ("a", "p"),
    "broken": (),
    "end": ("n",) * 5,
}


@pytest.mark.parametrize("state", STATES)
def test_no_violations_at_any_width_in_light_and_dark(reviewer: Reviewer, state: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = reviewer.page
    if state == "broken":
        page.select_option("#show", "missing")
        reviewer.hears("cut short")
    for key in STATES[state]:
        before = page.text_content("#told"), page.inner_text("main"), page.inner_text("footer")
        page.keyboard.press(key)
        page.wait_for_function(
            "before => document.querySelector('main').innerText !== before[1] || document.querySelector('footer').innerText"
            " !== before[2] || document.activeElement.id === 'text'",
            arg=before,
        )
        page.wait_for_timeout(60)
    if state == "words":
        reviewer.hears("choose one")
        page.keyboard.press("Enter")
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    for colours, width in (("light", 1280), ("dark", 320)):
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size({"width": width, "height": 800})
        found = axe.Axe().run(page, options=options)
        assert found.violations_count == 0, found.generate_report()
        assert len(found.response["passes"]) > 15
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_a_screen_reader_finds(reviewer: Reviewer) -> None:
    page = reviewer.page
    for role, name in (
        ("banner", None), ("main", None), ("contentinfo", None), ("search", "Which photos"), ("article", "a.png"),
        ("button", "Accept"), ("button", "Edit"), ("button", "Reject"), ("button", "Next"), ("button", "Previous"),
        ("button", "Undo"), ("button", "Where words come from"), ("button", "Finish"), ("combobox", "Show"),
        ("combobox", "In"), ("checkbox", "Single-key shortcuts"), ("heading", "Review captions"), ("heading", "a.png"),
        ("heading", "Caption"), ("status", None), ("img", "The photo a.png"), ("group", "Decide"),
    ):  # fmt: skip
        assert page.get_by_role(role, name=name, exact=True).count() == 1, (role, name)
    reviewer.press("e")
    assert page.get_by_role("textbox", name="Your caption").count() == 1
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "editor-hint"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Save"  # no trap


def test_the_focus_is_seen_and_nothing_moves_where_that_is_asked(reviewer: Reviewer) -> None:
    page = reviewer.page
    for name in ("finish", "show", "accept", "next", "shortcuts"):
        reviewer.tab_to(name)
        style = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)] }"
        )
        assert style == ["solid", 3], name
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every(e => ['0s', ''].includes(getComputedStyle(e).transitionDuration))"
    )
