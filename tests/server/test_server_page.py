"""The page at `/` in a real browser, asking a real service."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image, ImageDraw
from server_helpers import Served, picture, running

import pictell
from pictell import Captioner
from pictell.bundle import DEFAULT, installed_bundles
from pictell.confidence.detector import REASONS
from pictell.insight import explain
from pictell.insight.overlay import heat_layer
from pictell.insight.page import where
from pictell.language import alt_text

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

CHROMIUM = Path("/usr/bin/chromium")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CAT, COFFEE = EXAMPLES / "cat.jpg", EXAMPLES / "coffee.jpg"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream",
]  # fmt: skip
SECONDS = 60_000  # milliseconds, as Playwright has them

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not on this machine (Debian: chromium)"),
    pytest.mark.skipif(
        DEFAULT not in [bundle.name for bundle in installed_bundles()], reason="no model is installed with the package"
    ),
]
expect = playwright.expect
expect.set_options(timeout=SECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def service(tiny_bundle: Path) -> Iterator[Served]:
    with running("--model", DEFAULT, "--model", tiny_bundle) as started:
        yield started


@pytest.fixture(scope="module")
def library() -> Captioner:
    return pictell.load(threads=1)


def payloads(*files: Path | dict[str, Any]) -> list[dict[str, Any]]:
    """Files as Playwright gives them, which takes no paths beside bytes."""
    return [
        {"name": file.name, "mimeType": "image/jpeg", "buffer": file.read_bytes()} if isinstance(file, Path) else file
        for file in files
    ]


class Visit:
    """One page of the service's, with what it asked for and what its console said."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.url = url
        self.context = browser.new_context(**{"locale": "en-GB", **context})
        self.context.set_default_timeout(SECONDS)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        # So that choosers are Playwright's from the beginning: told as one opens it may be too late.
        self.page.on("filechooser", lambda chooser: None)
        self.open(url)

    def open(self, url: str) -> None:
        self.page.goto(url)
        expect(self.page.locator("html[data-ready]")).to_be_attached()

    def give(self, *files: Path | dict[str, Any]) -> None:
        self.page.set_input_files("#files", payloads(*files))
        self.settle()

    def settle(self) -> None:
        expect(self.page.locator("article[aria-busy]")).to_have_count(0)
        expect(self.page.locator(".waiting:visible")).to_have_count(0)

    def card(self, name: str) -> Any:
        return self.page.get_by_role("article", name=name, exact=True)

    def button(self, name: str, within: Any = None) -> Any:
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def heated(self, within: Any) -> bool:
        return bool(within.locator("canvas").is_visible())

    def wish(self, **wishes: str) -> None:
        if not self.page.locator("#must").is_visible():
            self.page.locator("#wishes summary").click()
        for name, value in wishes.items():
            field = self.page.locator(f"#wishes-form [name={name}]")
            if name in ("must", "must_not", "start"):
                field.fill(value)
            else:
                field.select_option(value)
        self.button("Apply to all photos").click()
        self.settle()

    def close(self) -> None:
        self.context.close()
        # Failed requests are said by the browser itself; anything else would be ours, violations of the policy among it.
        said = [line for line in self.said if not line.startswith("Failed to load resource")]
        assert said == []
        elsewhere = [url for url in self.asked if urlsplit(url).netloc != urlsplit(self.url).netloc]
        assert [url for url in elsewhere if not url.startswith("blob:" + self.url.rstrip("/"))] == []


@pytest.fixture
def visit(browser: Any, service: Served) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def begin(url: str = service.url + "/", **context: Any) -> Visit:
        visits.append(Visit(browser, url, **context))
        return visits[-1]

    yield begin
    for each in visits:
        each.close()


@pytest.fixture(scope="module")
def text_page() -> dict[str, Any]:
    """A picture that is withheld."""
    image = Image.new("RGB", (600, 800), "white")
    for y in range(40, 760, 18):
        ImageDraw.Draw(image).text((40, y), "The quick brown fox jumps over the lazy dog, and so on", fill="black")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return {"name": "letter.png", "mimeType": "image/png", "buffer": stream.getvalue()}


@pytest.fixture(scope="module")
def broken() -> dict[str, Any]:
    return {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": CAT.read_bytes()[:3000]}


def hand_over(page: Any, kind: str, path: Path) -> None:
    """Drops or pastes a file."""
    page.evaluate(
        """([kind, text, name]) => {
            const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, {type: "image/jpeg"}));
            document.querySelector("#drop").dispatchEvent(kind === "paste"
                ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
                : new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        [kind, base64.b64encode(path.read_bytes()).decode(), path.name],
    )


# -- what it is served as ---------------------------------------------------------------------------------------------


def test_browsers_are_told_to_let_nothing_else_in(service: Served) -> None:
    names = re.findall(r'(?:src|href)="(page/[^"]+)"', service.ask("GET", "/").body.decode())
    assert {"page/main.js", "page/page.css", "page/icon.svg"} <= set(names)
    for path in ("/", "/favicon.ico", "/page/facts.json", *(f"/{name}" for name in names)):
        answer = service.ask("GET", path)
        assert answer.status == 200, path
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "camera=(self)" in answer.headers["permissions-policy"]
        assert "set-cookie" not in answer.headers
    assert service.ask("GET", "/page/__init__.py").status == 404
    assert service.ask("GET", "/page/../app.py").status == 404


# -- photos come in ---------------------------------------------------------------------------------------------------


def test_photos_come_by_choosing_dropping_and_pasting(visit: Callable[..., Visit], library: Captioner) -> None:
    here = visit()
    page = here.page
    with page.expect_file_chooser() as chooser:
        here.button("Choose photos").click()
    assert chooser.value.is_multiple()
    chooser.value.set_files([CAT, COFFEE])
    expect(page.locator("article")).to_have_count(2)
    hand_over(page, "drop", EXAMPLES / "rocket.jpg")
    expect(page.locator("article")).to_have_count(3)
    hand_over(page, "paste", EXAMPLES / "astronaut.jpg")
    expect(page.locator("article")).to_have_count(4)
    here.settle()
    assert page.locator("h3").all_inner_texts() == ["astronaut.jpg", "rocket.jpg", "cat.jpg", "coffee.jpg"]
    for name in ("astronaut.jpg", "rocket.jpg", "cat.jpg", "coffee.jpg"):
        caption, card = library.caption(EXAMPLES / name, num=3), here.card(name)
        assert caption.confidence is not None
        assert card.locator(".caption").inner_text() == caption.text
        assert card.locator(".words button").all_inner_texts() == [word.text for word in caption.words]
        assert card.locator(".others li > span").all_inner_texts() == [other.text for other in caption.alternatives]
        said = card.locator(".confidence p").inner_text()
        assert said.startswith(f"Confidence {round(100 * caption.confidence)}%, {caption.band}")
        assert card.get_by_role("img").get_attribute("alt") == caption.text
        assert card.locator(".caption").get_attribute("lang") == "en"
    expect(page.get_by_role("heading", name="4 photos")).to_be_visible()
    # Text that is pasted or dropped is no photo.
    page.evaluate("""() => {
        const data = new DataTransfer();
        data.setData("text/plain", "a dog");
        document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
    }""")
    expect(page.get_by_role("status").filter(has_text="There was no photo in that.")).to_be_visible()
    # But it goes into a field.
    page.locator("#wishes summary").click()
    taken = page.evaluate("""() => {
        const data = new DataTransfer();
        data.setData("text/plain", "a dog");
        return !document.querySelector("#must").dispatchEvent(
            new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
    }""")
    assert not taken
    here.button("Remove all").click()
    expect(page.locator("article")).to_have_count(0)


def test_the_camera_takes_a_picture(visit: Callable[..., Visit]) -> None:
    here = visit()
    page = here.page
    here.button("Use the camera").click()
    dialog = page.get_by_role("dialog", name="Camera")
    shoot = here.button("Take the picture", dialog)
    expect(shoot).to_have_attribute("aria-disabled", "false")
    assert page.evaluate("document.activeElement.id") == "shoot"
    assert axe.Axe().run(page).violations_count == 0, axe.Axe().run(page).generate_report()
    seen = page.evaluate("document.querySelector('video').srcObject.getVideoTracks()[0].getSettings().deviceId")
    here.button("Other camera", dialog).click()
    expect(shoot).to_have_attribute("aria-disabled", "false")
    now = page.evaluate("document.querySelector('video').srcObject.getVideoTracks()[0].getSettings().deviceId")
    assert now != seen
    page.evaluate("globalThis.track = document.querySelector('video').srcObject.getVideoTracks()[0]")
    shoot.press("Enter")
    expect(dialog).to_be_hidden()
    assert page.evaluate("track.readyState") == "ended"
    here.settle()
    expect(here.card("camera-1.jpg")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "camera"
    here.button("Use the camera").click()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_camera_that_may_not_be_used_is_said_so(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.page.evaluate(
        """() => {
            navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NotAllowedError"); };
        }"""
    )
    here.button("Use the camera").click()
    expect(here.page.get_by_role("alert")).to_contain_text("The browser may not use the camera")


def test_what_the_browser_cannot_show_is_sent_all_the_same(visit: Callable[..., Visit]) -> None:
    stream = io.BytesIO()
    Image.open(CAT).save(stream, "TIFF")
    here = visit()
    here.give({"name": "cat.tif", "mimeType": "image/tiff", "buffer": stream.getvalue()})
    card = here.card("cat.tif")
    expect(card.get_by_text("This browser cannot show this picture")).to_be_visible()
    assert "cat" in card.locator(".caption").inner_text()
    card.locator(".words button").nth(1).hover()
    expect(card.locator(".place")).to_contain_text("looked most at the")
    assert not here.heated(card)


# -- words ------------------------------------------------------------------------------------------------------------


def test_words_show_where_they_come_from(visit: Callable[..., Visit], library: Captioner) -> None:
    here = visit(has_touch=True)
    here.give(CAT)
    page, card = here.page, here.card("cat.jpg")
    words, place = card.locator(".words button"), card.locator(".place")
    explanation = explain(library, CAT)
    size = Image.open(CAT).size
    pictures = []
    assert not here.heated(card)
    for number, (word, heat) in enumerate(zip(explanation.words, explanation.heat(), strict=True)):
        words.nth(number).hover()
        expect(place).to_contain_text(f"“{word.text}”: ")
        assert here.heated(card)
        assert place.inner_text().endswith(f"looked most at the {where(heat).replace(' centre', '')}")
        width, height, *pixels = page.evaluate("""() => {
            const canvas = document.querySelector("canvas"), {width, height} = canvas;
            const copy = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
            copy.drawImage(canvas, 0, 0);
            return [width, height, ...copy.getImageData(0, 0, width, height).data];
        }""")
        pictures.append(np.array(pixels, dtype=np.uint8).reshape(height, width, 4))
        assert max(width, height) == 96
        assert width / height == pytest.approx(size[0] / size[1], rel=0.02)
        # The same picture as `pictell explain` lays over a photo; browsers keep colours multiplied by opacity.
        wanted = np.asarray(heat_layer(heat, (width, height)))
        assert np.abs(pictures[-1].astype(int) - wanted).mean() < 2
    assert len({each.tobytes() for each in pictures}) == len(pictures)
    page.mouse.move(0, 0)
    assert not here.heated(card)

    # Focus and arrow keys: one stop of Tab for all words.
    words.first.focus()
    assert here.heated(card)
    page.keyboard.press("ArrowRight")
    expect(words.nth(1)).to_be_focused()
    expect(place).to_contain_text(f"“{explanation.words[1].text}”")
    page.keyboard.press("End")
    expect(words.last).to_be_focused()
    assert card.locator(".words button[tabindex='0']").count() == 1
    described = words.last.get_attribute("aria-describedby")
    assert "looked most at the" in page.evaluate("id => document.getElementById(id).textContent", described)
    page.keyboard.press("Enter")
    expect(words.last).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    assert here.heated(card)  # it was kept
    words.last.focus()
    page.keyboard.press("Escape")
    assert not here.heated(card)

    # Touch.
    words.nth(1).tap()
    expect(words.nth(1)).to_have_attribute("aria-pressed", "true")
    assert here.heated(card)


def test_a_model_that_looks_at_no_grid_says_so(visit: Callable[..., Visit]) -> None:
    here = visit()

    def without(route: Any) -> None:
        answer = route.fetch()
        result = answer.json()
        result.pop("attention")
        route.fulfill(response=answer, body=json.dumps(result))

    here.page.route("**/v1/caption", without)
    here.give(CAT)
    card = here.card("cat.jpg")
    expect(card.locator(".place")).to_have_text("This model does not tell where it looks.")
    card.locator(".words button").nth(1).hover()
    expect(card.locator(".place")).to_contain_text("probable")
    assert not here.heated(card)


# -- what is asked ----------------------------------------------------------------------------------------------------


def test_wishes_steer_all_photos(visit: Callable[..., Visit], library: Captioner) -> None:
    here = visit()
    here.give(CAT, COFFEE)
    here.wish(must="chair, sleeping|white", start="two", alternatives="4")
    for path in (CAT, COFFEE):
        caption = library.caption(path, must="chair, sleeping|white", start="two", num=5)
        card = here.card(path.name)
        assert card.locator(".caption").inner_text() == caption.text
        assert card.locator(".others li").count() == len(caption.alternatives)
        expect(card.locator(".confidence")).to_contain_text("No confidence: it is known only for")
    expect(here.page.locator("#wished")).to_have_text("2 set")
    here.wish(must="", must_not="cat", start="", alternatives="0", style="hedged")
    card = here.card("cat.jpg")
    caption = library.caption(CAT, must_not="cat", style="hedged")
    assert card.locator(".caption").inner_text() == caption.text
    assert "cat" not in card.locator(".words button").all_inner_texts()
    expect(card.get_by_text("The model’s own words:")).to_be_visible()
    expect(card.locator(".others")).to_be_hidden()
    # New photos are asked about in the same way.
    here.give(EXAMPLES / "rocket.jpg")
    assert (
        here.card("rocket.jpg")
        .locator(".caption")
        .inner_text()
        .endswith(str(library.caption(EXAMPLES / "rocket.jpg", must_not="cat", style="hedged").raw))
    )
    here.wish(must="zebrafinch")
    for card in here.page.get_by_role("article").all():
        expect(card.locator(".problem")).to_contain_text("The model does not know the word 'zebrafinch'")
        expect(card.locator(".captioned")).to_be_hidden()
    here.button("Clear the wishes").click()
    here.settle()
    expect(here.card("cat.jpg").locator(".caption")).to_have_text(str(library.caption(CAT).text))


def test_one_of_several_models_is_chosen(visit: Callable[..., Visit], tiny_bundle: Path) -> None:
    here = visit()
    here.give(CAT)
    here.wish(model="tiny@7", alternatives="0")
    assert here.card("cat.jpg").locator(".caption").inner_text() == pictell.load(tiny_bundle).caption(CAT).text


def test_a_model_that_takes_no_such_wish_is_not_asked_it(
    browser: Any, tiny_bundle: Path, hf_folders: dict[str, Path]
) -> None:
    model = f"hf:{hf_folders['git']}"
    with running("--model", tiny_bundle, "--model", model) as served:
        here = Visit(browser, served.url)
        here.give(CAT)
        here.wish(must="word1", start="word2", alternatives="0")
        expect(here.page.locator("#wished")).to_have_text("2 set")
        here.wish(model="hf:git", start="a dog")
        expect(here.page.locator("#wished")).to_have_text("1 set")
        caption = pictell.load(model).caption(CAT, start="a dog")
        assert here.card("cat.jpg").locator(".caption").inner_text() == caption.text
        expect(here.card("cat.jpg")).to_contain_text("This model does not tell where it looks.")
        for name in ("must", "must_not"):
            expect(here.page.locator(f"#wishes-form [name={name}]")).to_be_disabled()
        expect(here.page.locator("#must-hint")).to_contain_text("gives whole sentences")
        here.page.locator("#wishes-form [name=model]").select_option("tiny@7")
        expect(here.page.locator("#must-hint")).to_contain_text("separated by commas")
        here.wish(start="")
        assert "word1" in here.card("cat.jpg").locator(".words button").all_inner_texts()
        here.close()


def test_what_is_withheld_says_why_and_is_described_when_asked(
    visit: Callable[..., Visit], text_page: dict[str, Any]
) -> None:
    here = visit()
    here.give(text_page)
    card = here.card("letter.png")
    expect(card.locator(".withheld")).to_have_text("No caption: it looks like a page of text.")
    expect(card.locator(".captioned")).to_be_hidden()
    expect(here.page.locator("#announcer")).to_contain_text("No caption: it looks like a page of text.")
    here.button("Describe anyway", card).press("Enter")
    here.settle()
    expect(card.locator(".withheld")).to_have_text("Described all the same, though it looks like a page of text.")
    assert card.locator(".words button").count() > 1
    # The button is gone, and the focus still in its card.
    assert card.evaluate("card => card.contains(document.activeElement)")


def test_errors_stand_beside_their_photo(visit: Callable[..., Visit], broken: dict[str, Any]) -> None:
    here = visit()
    here.give(broken, CAT, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no photo"})
    expect(here.card("broken.jpg").locator(".problem")).to_have_text("This JPEG file is cut short.")
    expect(here.card("notes.txt").locator(".problem")).to_be_visible()
    assert "cat" in here.card("cat.jpg").locator(".caption").inner_text()
    here.button("Remove broken.jpg").click()
    expect(here.page.locator("article")).to_have_count(2)
    assert here.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove cat.jpg"
    # A service that is gone is said to be, and asked again when a person wants it.
    here.page.route("**/v1/caption", lambda route: route.abort())
    here.give(COFFEE)
    expect(here.card("coffee.jpg").locator(".problem")).to_contain_text("The service does not answer.")
    here.page.unroute("**/v1/caption")
    here.button("Try again", here.card("coffee.jpg")).click()
    here.settle()
    expect(here.card("coffee.jpg").locator(".captioned")).to_be_visible()


def test_a_busy_service_is_asked_again(browser: Any, tiny_bundle: Path) -> None:
    with running("--model", tiny_bundle, "--queue", "1", "--max-body-mb", "0.1") as service:
        here = Visit(browser, service.url + "/")
        photos = [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": picture(n)} for n in range(4)]
        large = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": bytes(200_000)}
        here.page.route("**/v1/caption", _refused_at_first())
        here.give(*photos, large)
        expect(here.page.locator(".captioned:visible")).to_have_count(4)
        expect(here.card("large.jpg").locator(".problem")).to_contain_text("too large")
        here.close()


def _refused_at_first() -> Callable[[Any], None]:
    """The first request is told to come again; a queue of one picture refuses others by itself, as chance has it."""
    asked: list[int] = []

    def answer(route: Any) -> None:
        asked.append(1)
        if len(asked) > 1:
            route.continue_()
        else:
            body = json.dumps({"error": {"kind": "busy", "message": "later"}})
            route.fulfill(status=503, headers={"retry-after": "1", "content-type": "application/json"}, body=body)

    return answer


def test_a_key_is_asked_for_where_there_is_one(browser: Any, tiny_bundle: Path, visit: Callable[..., Visit]) -> None:
    expect(visit().page.get_by_label("This service needs its key")).to_be_hidden()
    key = "a key of ours"
    with running("--model", tiny_bundle, environment={"PICTELL_API_KEY": key}) as service:
        facts = service.ask("GET", "/page/facts.json").json
        assert facts["access"] == "key"
        assert not {"models", "body_bytes"} & set(facts)
        here = Visit(browser, service.url + "/")
        field = here.page.get_by_label("This service needs its key")
        expect(field).to_have_attribute("type", "password")
        here.give({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(0)})
        expect(here.card("a.jpg").locator(".problem")).to_have_text("The service needs its key, above.")
        for wrong in ("not the key", "密钥密钥密钥密钥"):
            field.fill(wrong)
            field.press("Enter")
            expect(here.page.get_by_text("That is not the key.")).to_be_visible()
            expect(field).to_be_focused()
            expect(field).to_have_value("")
        field.fill(key)
        field.press("Enter")
        expect(field).to_be_hidden()
        here.settle()
        expect(here.card("a.jpg").locator(".captioned")).to_be_visible()
        kept = here.page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie, location.href]")
        assert kept[:3] == [{}, {"pictell-key": key}, ""]
        assert key not in kept[3]
        here.close()


def test_who_may_not_ask_is_told_so(browser: Any, tiny_bundle: Path) -> None:
    with running("--model", tiny_bundle, "--allow-from", "192.0.2.0/24") as service:
        here = Visit(browser, service.url + "/")
        expect(here.page.get_by_text("This service does not answer the address of this device.")).to_be_visible()
        expect(here.page.get_by_label("This service needs its key")).to_be_hidden()
        here.close()


# -- what is done with captions ---------------------------------------------------------------------------------------


def test_captions_are_copied_as_alt_text(visit: Callable[..., Visit], library: Captioner) -> None:
    here = visit(permissions=["clipboard-read", "clipboard-write"])
    here.give(CAT)
    caption = library.caption(CAT, num=3)
    wanted = library.caption(CAT, style="alt").text
    copied = here.page.get_by_role("status").filter(has_text="Copied: ")
    for style in ("plain", "alt", "hedged"):
        here.wish(style=style)
        here.button("Copy as alt text", here.card("cat.jpg")).click()
        expect(copied).to_have_text(f"Copied: {wanted}")
        assert here.page.evaluate("navigator.clipboard.readText()") == wanted
    other = caption.alternatives[0].text
    here.button(f"Copy as alt text: Possibly: {other}").click()
    expect(copied).to_have_text(f"Copied: {alt_text(other)}")
    here.wish(style="plain")
    here.button(f"Copy as alt text: {other}").click()
    expect(copied).to_have_text(f"Copied: {alt_text(other)}")
    # Pages that are not secure have no such clipboard.
    here.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    here.button("Copy as alt text", here.card("cat.jpg")).click()
    expect(copied).to_have_text(f"Copied: {wanted}")


def test_alt_text_is_the_same_as_the_servers(visit: Callable[..., Visit], service: Served) -> None:
    texts = [
        "", " . ", "a dog", "a picture of a dog .", "There is a black and white photo of a close-up of two men...",
        "a close up view showing a bowl", "photo of", "an old photograph of a picture of the sea", "émile and a dog",
        "a man in a hat is standing next to a woman " * 4, "x" * 200, "a man " + "with the " * 30, "a, b",
    ]  # fmt: skip
    rules = service.ask("GET", "/page/facts.json").json["alt"]
    given = visit().page.evaluate(
        "async ([texts, rules]) => { const {altText} = await import('/page/alttext.js');"
        " return texts.map(text => altText(text, rules)); }",
        [texts, rules],
    )
    assert given == [alt_text(text) for text in texts]


def test_reading_aloud_uses_voices_of_this_machine_only(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.page.evaluate("""() => {
        globalThis.spoken = [];
        globalThis.last = null;
        globalThis.voices = [
            {lang: "en-GB", localService: false, name: "far", default: true},
            {lang: "de-DE", localService: true, name: "german", default: false},
        ];
        speechSynthesis.getVoices = () => voices;
        speechSynthesis.speak = utterance => { spoken.push([utterance.text, utterance.voice.name]); last = utterance; };
        speechSynthesis.cancel = () => spoken.push("cancel");
        // Voices of our own are none to the browser.
        globalThis.SpeechSynthesisUtterance = class extends EventTarget { constructor(text) { super(); this.text = text; } };
    }""")
    here.give(CAT)
    card = here.card("cat.jpg")
    here.button("Read aloud", card).click()
    expect(here.page.get_by_role("status").filter(has_text="no English voice of its own")).to_be_visible()
    assert here.page.evaluate("spoken") == []
    here.page.evaluate("voices.push({lang: 'en-US', localService: true, name: 'near', default: false})")
    here.button("Read aloud", card).click()
    expect(here.button("Stop reading", card)).to_be_visible()
    text = card.locator(".caption").inner_text()
    assert here.page.evaluate("spoken") == [[text, "near"]]
    here.button("Stop reading", card).click()
    assert here.page.evaluate("spoken.at(-1)") == "cancel"
    here.button("Read aloud", card).click()
    expect(here.button("Stop reading", card)).to_be_visible()
    here.page.evaluate("last.dispatchEvent(new Event('end'))")
    expect(here.button("Read aloud", card)).to_be_visible()


# -- everybody --------------------------------------------------------------------------------------------------------


def test_the_language_is_the_browsers_and_can_be_switched(
    visit: Callable[..., Visit], text_page: dict[str, Any], broken: dict[str, Any]
) -> None:
    here = visit(locale="zh-CN")
    page = here.page
    expect(page.get_by_role("heading", level=1)).to_have_text("您的照片里有什么？")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    here.give(CAT, text_page, broken)
    card = here.card("cat.jpg")
    expect(card.locator(".caption")).to_have_attribute("lang", "en")
    expect(card.locator(".words button").first).to_have_attribute("lang", "en")
    expect(card.locator(".confidence")).to_contain_text("可信度")
    expect(here.card("letter.png").locator(".withheld")).to_have_text("没有描述：这像是一页文字。")
    expect(here.card("broken.jpg").locator(".problem")).to_contain_text("文件不完整。")
    expect(here.card("broken.jpg").locator(".problem [lang=en]")).to_have_text("This JPEG file is cut short.")
    here.button("English").click()
    assert page.evaluate("document.documentElement.lang") == "en"
    expect(here.card("letter.png").locator(".withheld")).to_contain_text("it looks like a page of text")
    visible = page.locator("body").inner_text().replace("中文", "")
    assert not re.search(r"[\u4e00-\u9fff]", visible), visible
    here.open(page.url)  # the address remembers
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert visit(locale="fr-FR").page.evaluate("document.documentElement.lang") == "en"


def test_both_languages_say_the_same_things(visit: Callable[..., Visit]) -> None:
    english, chinese = visit().page.evaluate(
        "Promise.all(['english', 'chinese'].map(async name => (await import(`/page/${name}.js`)).default))"
    )
    assert len(english) > 80
    assert {key for key in english if not key.endswith(".one")} <= set(chinese)
    assert all(key.startswith(("error.", "reason.")) for key in set(chinese) - set(english))
    assert {f"reason.{reason}" for reason in REASONS.values()} == {k for k in chinese if k.startswith("reason.")}
    for key in set(english) & set(chinese):
        assert set(re.findall(r"\{\w+\}", english[key])) == set(re.findall(r"\{\w+\}", chinese[key])), key
    # Whatever the page asks for is there.
    folder = Path(pictell.__file__).parent / "server" / "page"
    used = set(re.findall(r'data-say(?:-label)?="([^"]+)"', (folder / "page.html").read_text(encoding="utf-8")))
    for path in folder.glob("*.js"):
        if path.stem not in ("english", "chinese"):
            source = path.read_text(encoding="utf-8")
            used |= set(re.findall(r'(?:say\([^"`]+|text\(|show\()"([\w.]+)"', source))
    assert len(used) > 50
    assert {
        key for key in used if not (key.startswith((".", "2d")) or key in english or f"{key}.other" in english)
    } == set()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_nothing_stands_in_the_way_of_anybody(
    visit: Callable[..., Visit], text_page: dict[str, Any], broken: dict[str, Any], locale: str
) -> None:
    here = visit(locale=locale, viewport={"width": 1100, "height": 900})
    page = here.page

    def looked_at() -> None:
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme=colours, reduced_motion="reduce")
            found = axe.Axe().run(page)
            assert found.violations_count == 0, found.generate_report()

    looked_at()
    here.give(CAT, text_page, broken)
    page.locator("#wishes summary").click()
    page.locator("#must").fill("cat")
    page.locator("article", has_text="cat.jpg").locator(".words button").nth(1).focus()
    looked_at()
    page.locator("#style").select_option("hedged")
    page.locator("#wishes-form [type=submit]").click()
    here.settle()
    page.locator(".copy:visible").first.click()
    page.locator(".force:visible").click()
    here.settle()
    looked_at()


def test_a_phone_shows_all_of_it(
    visit: Callable[..., Visit], text_page: dict[str, Any], broken: dict[str, Any]
) -> None:
    here = visit(viewport={"width": 320, "height": 640}, is_mobile=True, has_touch=True)
    page = here.page
    named = {"name": "a" * 100 + ".jpg", "mimeType": "image/jpeg", "buffer": CAT.read_bytes()}

    def fits() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        sizes = page.evaluate("""[...document.querySelectorAll("button, summary, input, select, a[href]")]
            .filter(each => each.checkVisibility() && !each.closest("footer p"))
            .map(each => [each.outerHTML.slice(0, 80), each.getBoundingClientRect().width, each.getBoundingClientRect().height])
        """)
        small = [each for each in sizes if min(each[1:]) < 24 and 'class="skip"' not in each[0]]
        assert small == []

    fits()
    expect(page.get_by_text("Choose photos, or take one")).to_be_visible()
    expect(page.get_by_text("Drop photos here")).to_be_hidden()  # nobody can, with a finger
    here.give(CAT, text_page, broken, named)
    page.locator("#wishes summary").tap()
    fits()
    page.locator("article", has_text="cat.jpg").locator(".words button").nth(1).tap()
    assert here.heated(here.card("cat.jpg"))
    here.button("中文").tap()
    fits()
    here.button("使用相机").tap()
    expect(page.locator("#shoot")).to_have_attribute("aria-disabled", "false")
    fits()


def test_a_keyboard_is_enough(visit: Callable[..., Visit], text_page: dict[str, Any]) -> None:
    here = visit(permissions=["clipboard-read", "clipboard-write"])
    page = here.page

    def go_to(what: str) -> None:
        """Tab, until something is focused whose name begins with this."""
        for _ in range(60):
            page.keyboard.press("Tab")
            name = page.evaluate(
                "(e => e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent.trim())"
                "(document.activeElement)"
            )
            if name.startswith(what):
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", what
                return
        raise AssertionError(f"{what!r} is not reached by Tab")

    go_to("Choose photos")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(payloads(CAT, text_page))
    expect(page.locator("article")).to_have_count(2)
    here.settle()
    go_to("Wishes for the captions")
    page.keyboard.press("Enter")
    go_to("Must have")
    page.keyboard.type("grass")
    page.keyboard.press("Enter")
    here.settle()
    expect(here.card("cat.jpg").locator(".caption")).to_contain_text("grass")
    go_to("a")  # the first word
    page.keyboard.press("ArrowRight")
    assert here.heated(here.card("cat.jpg"))
    go_to("Copy as alt text")  # of another caption
    go_to("Copy as alt text")
    go_to("Copy as alt text")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Copied: ")).to_contain_text("grass")
    go_to("Describe anyway")
    page.keyboard.press("Space")
    here.settle()
    assert here.card("letter.png").locator(".words button").count() > 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove letter.png"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove cat.jpg"
    page.keyboard.press("Enter")
    expect(page.locator("article")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "choose"
