"""The review as a service: who is let in, what it says and refuses, and that no edit is lost."""

from __future__ import annotations

import io
import json
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pictell
from pictell.errors import PictellError
from pictell.reviewing import Session, Tally, serve

from .conftest import HOSTILE, Album, Client, Serve, said

EVERYTHING = ["/", "/page.js", "/page.css", "/api/folders", "/api/photos", "/api/photos/1", "/picture/1"]


# -- who is let in --------------------------------------------------------------------------------------------------


def test_the_address_opens_once_and_the_cookie_from_then_on(serving: Serve) -> None:
    first = Client(serving())
    for path in EVERYTHING:
        assert first.request("GET", path)[0] == 403
    # Neither another token, nor what a browser fetches ahead, nor a look at the headers uses it up.
    assert first.request("GET", "/?token=x")[0] == 403
    assert first.request("GET", "/?token=")[0] == 403
    assert first.request("GET", f"{first.opening}&token=x")[0] == 403
    assert first.request("GET", first.opening, Sec_Purpose="prefetch")[0] == 403
    assert first.request("HEAD", first.opening)[0] == 403
    assert first.request("POST", first.opening, {})[0] == 403
    status, headers, body = first.request("GET", first.opening)
    assert status == 200
    cookie, *attributes = headers["set-cookie"].split("; ")
    assert set(attributes) == {"HttpOnly", "SameSite=Strict", "Path=/"}
    assert b"token" not in body
    second = Client(f"http://{first.netloc}{first.opening}")
    assert second.request("GET", second.opening)[0] == 403
    first.cookie = cookie
    for path in EVERYTHING:
        assert first.request("GET", path)[0] == 200, path
    name = cookie.partition("=")[0]
    for wrong in (
        f"{name}=",
        f"{name}=x",
        "other=1",
        f"{name}={'é' * 8}".encode("latin-1", "ignore").decode("latin-1"),
        ";;=;",
    ):
        second.cookie = wrong
        assert second.request("GET", "/")[0] == 403


def test_another_runs_cookie_does_not_open(serving: Serve) -> None:
    first, second = Client(serving()), Client(serving())
    first.come_in()
    second.cookie = first.cookie
    assert second.request("GET", "/")[0] == 403


def test_other_names_and_other_sites_are_refused(client: Client) -> None:
    stamp = client.ask("/api/photos/1")["stamp"]
    decide = ("POST", "/api/photos/1/accept", {"stamp": stamp})
    assert client.request("GET", "/", Host="evil.example")[0] == 403
    assert client.request(*decide, Host="evil.example:80")[0] == 403
    assert client.request(*decide, Origin="https://evil.example")[0] == 403
    assert client.request(*decide, Origin="null")[0] == 403
    assert client.request(*decide, Origin="http://127.0.0.1:9")[0] == 403
    assert client.request("GET", "/picture/1", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    assert client.ask("/api/photos/1")["review"] is None
    assert client.request(*decide, Origin=f"http://{client.netloc}")[0] == 200


def test_every_answer_has_the_strict_headers(client: Client) -> None:
    for path in [*EVERYTHING, "/nowhere", "/api/photos/99"]:
        _, headers, _ = client.request("GET", path)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def test_the_page_names_nothing_from_elsewhere(client: Client) -> None:
    for path in ("/", "/page.css", "/page.js"):
        text = client.request("GET", path)[2].decode()
        assert not re.search(r"""http|["'(=]//|url\(|@import""", text)
        for sink in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "<script>",
            " style=",
            " onclick=",
        ):
            assert sink not in text


# -- what it says ---------------------------------------------------------------------------------------------------


def test_lists_and_folders(client: Client, album: Album) -> None:
    folders = client.ask("/api/folders")
    assert [folder["name"] for folder in folders] == [str(album.photos), "sub"]
    everything = client.ask("/api/photos?show=all")
    assert sorted(everything["photos"]) == sorted(album.numbers.values())
    assert everything["left"] == 5
    inside = client.ask(f"/api/photos?show=all&folder={folders[1]['value']}")
    assert (len(inside["photos"]), inside["left"]) == (4, 3)
    unsure = client.ask("/api/photos?show=unsure")["photos"]
    assert (unsure[0], unsure[-1]) == (album.numbers["b.png"], album.numbers["d.png"])
    assert len(client.ask("/api/photos?show=missing")["photos"]) == 2
    assert client.ask("/api/photos?show=nothing", expect=400)["error"]["kind"] == "option"
    assert client.ask("/api/photos?folder=xyz", expect=400)["error"]["kind"] == "option"


def test_only_what_is_below_a_directory(serving: Serve, album: Album) -> None:
    client = Client(serving(album.photos / "sub"))
    client.come_in()
    assert len(client.ask("/api/photos?show=all")["photos"]) == 4
    assert [folder["name"] for folder in client.ask("/api/folders")] == [str(album.photos / "sub")]


def test_what_is_said_of_a_photo(client: Client, album: Album) -> None:
    cat = client.ask(f"/api/photos/{album.numbers['b.png']}")
    assert (cat["caption"], cat["band"], cat["own"], cat["keywords"]) == (
        "two cats sit",
        "low",
        ["Minka & Mau"],
        ["cats"],
    )
    plot = client.ask(f"/api/photos/{album.numbers['plot.png']}")
    assert (plot["caption"], plot["reason"], plot["confidence"]) == (None, "looks like a plot", None)
    broken = client.ask(f"/api/photos/{album.numbers['broken.jpg']}")
    assert "cut short" in broken["error"]
    assert client.ask(f"/api/photos/{album.numbers[HOSTILE]}")["name"] == HOSTILE
    odd = next(name for name in album.numbers if name.startswith("o"))
    assert client.ask(f"/api/photos/{album.numbers[odd]}")["name"] == "o\\xff\\n.png"
    assert client.ask("/api/photos/999", expect=404)["error"]["kind"] == "no-photo"


def test_a_picture_is_upright_small_and_without_metadata(client: Client, album: Album) -> None:
    path = album.photos / "a.png"
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a secret place"
    pixels = np.zeros((1500, 2500, 3), np.uint8)
    pixels[:, :1250] = 255  # the left half is white: after a turn to the right, the upper one
    Image.fromarray(pixels).save(path, "JPEG", exif=exif)
    status, headers, data = client.request("GET", f"/picture/{album.numbers['a.png']}")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert b"secret" not in data
    with Image.open(io.BytesIO(data)) as image:
        assert image.height > image.width
        assert image.height <= 1600
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        shown = np.asarray(image.convert("L"))
    assert shown[: len(shown) // 3].min() > 200
    assert shown[-len(shown) // 3 :].max() < 50


def test_a_photo_that_is_gone_or_broken_is_told(client: Client, album: Album) -> None:
    (album.photos / "a.png").unlink()
    assert client.ask(f"/picture/{album.numbers['a.png']}", expect=404)["error"]["kind"] == "missing"
    assert client.ask(f"/picture/{album.numbers['broken.jpg']}", expect=422)["error"]["message"]
    assert client.ask("/picture/999", expect=404)["error"]["kind"] == "no-photo"
    assert client.ask(f"/api/photos/{album.numbers['a.png']}/words", expect=404)["error"]["kind"] == "missing"


def test_where_words_come_from_is_computed_when_asked_for(
    album: Album, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[int] = []

    def load() -> pictell.captioner.Captioner:
        loaded.append(1)
        return pictell.load(tiny_bundle)

    session = Session(album.path, load)
    number = album.numbers["a.png"]
    session.photo(number), session.picture(number), session.photos("all")
    assert not loaded
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(session.where_words_come_from, [number] * 4))
    assert len(loaded) == 1
    assert all(each == found[0] for each in found)
    assert " ".join(word["text"] for word in found[0]["words"]) == found[0]["text"]
    assert all(word["layer"].startswith("data:image/png;base64,") for word in found[0]["words"])
    assert found[0]["words"][0]["where"]


# -- decisions ------------------------------------------------------------------------------------------------------


def test_decide_and_undo(client: Client, album: Album) -> None:
    number = album.numbers["a.png"]
    before = client.ask(f"/api/photos/{number}")
    done = client.ask(f"/api/photos/{number}/edit", {"stamp": before["stamp"], "text": "my dog"})
    assert (done["photo"]["caption"], done["photo"]["said"], done["left"]) == ("my dog", "a dog runs on grass", 4)
    words = album.words("a.png")
    assert words is not None
    assert (words.text, words.by) == ("my dog", "person")
    undone = client.ask("/api/undo", {"change": done["change"]})
    assert (undone["photo"], undone["left"]) == (before, 5)
    assert album.words("a.png") == said("a dog runs on grass", 0.8)
    assert "not decided in this run" in client.ask("/api/undo", {"change": "x"}, expect=400)["error"]["message"]
    assert client.ask("/api/undo", {"change": 1}, expect=400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"stamp": 1}',
        b"{}",
        b'{"stamp": "x", "text": 1}',
        b"[" * 50_000,
        b'"' + b"x" * 200_000 + b'"',
    ],
)
def test_what_is_not_understood_is_refused_in_a_line(client: Client, album: Album, body: bytes) -> None:
    status, _, answer = client.request("POST", "/api/photos/1/edit", body)
    assert status == 400
    assert json.loads(answer)["error"]["kind"] == "option"
    assert album.words("a.png") == said("a dog runs on grass", 0.8)


def test_forms_of_other_pages_could_not_send_what_is_understood(client: Client) -> None:
    body = json.dumps({"stamp": client.ask("/api/photos/1")["stamp"]}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert client.request("POST", "/api/photos/1/accept", body, Content_Type=kind)[0] == 400
    assert client.request("POST", "/api/finish", b"{}", Content_Type="text/plain")[0] == 400
    assert client.request("GET", "/api/photos/1/accept")[0] in (404, 405)
    assert client.ask("/api/photos/1/delete", {"stamp": "x"}, expect=400)


def test_of_two_reviewers_the_second_is_told_and_no_edit_is_lost(serving: Serve, album: Album) -> None:
    first, second = Client(serving()), Client(serving())
    first.come_in()
    second.come_in()
    path = f"/api/photos/{album.numbers['a.png']}"
    stamps = [client.ask(path)["stamp"] for client in (first, second)]
    done = first.ask(f"{path}/edit", {"stamp": stamps[0], "text": "the first's words"})
    refused = second.ask(f"{path}/edit", {"stamp": stamps[1], "text": "the second's words"}, expect=409)
    assert refused["error"]["kind"] == "changed"
    now = second.ask(path)
    assert now["caption"] == "the first's words"
    second.ask(f"{path}/edit", {"stamp": now["stamp"], "text": "both's words"})
    assert first.ask("/api/undo", {"change": done["change"]}, expect=409)["error"]["kind"] == "changed"
    words = album.words("a.png")
    assert words is not None
    assert words.text == "both's words"


def test_an_index_run_meanwhile_is_noticed(client: Client, album: Album) -> None:
    path = f"/api/photos/{album.numbers['a.png']}"
    stamp = client.ask(path)["stamp"]
    album.put("a.png", said("a wolf", 0.9))
    assert client.ask(f"{path}/accept", {"stamp": stamp}, expect=409)["error"]["kind"] == "changed"
    assert album.words("a.png") == said("a wolf", 0.9)
    os.utime(album.photos / "a.png", (1, 1))
    assert client.ask(path)["changed"] is True


def test_a_library_that_is_taken_away_is_told(client: Client, album: Album) -> None:
    path = f"/api/photos/{album.numbers['a.png']}"
    stamp = client.ask(path)["stamp"]
    album.path.write_bytes(b"no database any longer" * 100)
    for name in (f"{album.path}-wal", f"{album.path}-shm"):
        Path(name).unlink(missing_ok=True)
    assert client.ask(f"{path}/accept", {"stamp": stamp}, expect=503)["error"]["kind"] == "not-a-library"


def test_finishing_tells_how_many_and_ends(serving: Serve, album: Album) -> None:
    client = Client(serving())
    client.come_in()
    for name, decision in (("a.png", "accept"), ("b.png", "edit"), ("d.png", "reject")):
        number = album.numbers[name]
        stamp = client.ask(f"/api/photos/{number}")["stamp"]
        done = client.ask(f"/api/photos/{number}/{decision}", {"stamp": stamp, "text": "mine"})
    client.ask("/api/undo", {"change": done["change"]})
    told = client.ask("/api/finish", {})
    assert told["tally"] == "2 photos reviewed: 1 accepted, 1 edited"
    for thread in threading.enumerate():
        if thread.name.endswith("(serve)"):
            thread.join(20)
            assert not thread.is_alive()
    with pytest.raises(OSError):  # noqa: PT011  (refused, or cut off)
        client.request("GET", "/")


def test_a_tally_in_words() -> None:
    assert str(Tally()) == "no photo reviewed"
    assert str(Tally(edited=1)) == "1 photo reviewed: 1 edited"
    assert str(Tally(1200, 0, 3)) == "1,203 photos reviewed: 1,200 accepted, 3 rejected"


def test_a_port_that_is_taken_is_told(album: Album, client: Client) -> None:
    port = int(client.netloc.rpartition(":")[2])
    with pytest.raises(PictellError, match="--port") as caught:
        serve(Session(album.path, pictell.load), lambda address: None, port)
    assert caught.value.kind == "port"
