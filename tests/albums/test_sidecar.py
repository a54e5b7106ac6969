"""Sidecars: found under both names, updated and never replaced, and left alone where they are broken or hostile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.albums import GeneratedWords, read_words, write_words
from pictell.albums.own_words import put_words
from pictell.albums.sidecar import sidecars_of
from pictell.albums.xmp import MAX_BYTES, NAMESPACES, Packet
from pictell.errors import MetadataError

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- kept -->
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:darktable="http://darktable.sf.net/" xmlns:d="http://purl.org/dc/elements/1.1/"
   darktable:xmp_version="5" d:format="image/jpeg">
   <darktable:history>
    <rdf:Seq>
     <rdf:li darktable:num="0" darktable:operation="rawprepare" darktable:params="00000000"/>
     <rdf:li rdf:parseType="Resource"><darktable:note>  two  spaces </darktable:note></rdf:li>
    </rdf:Seq>
   </darktable:history>
   <d:subject><rdf:Bag><rdf:li>mine</rdf:li></rdf:Bag></d:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
EMPTY = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'
)
BOMB = "<!DOCTYPE bomb [<!ENTITY a 'ha'>{}]>\n".format(
    "".join(f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in ("ab", "bc", "cd", "de", "ef"))
)


def test_another_programs_sidecar_is_updated(jpeg: Path, words: GeneratedWords, exiftool: Callable[..., Any]) -> None:
    sidecar = jpeg.with_name("photo.jpg.xmp")
    sidecar.write_text(DARKTABLE, encoding="utf-8")
    sidecar.chmod(0o600)
    before = exiftool(sidecar)
    assert write_words(jpeg, words, keywords=["dog"]).changed == (sidecar,)
    after = exiftool(sidecar)
    for key, value in before.items():
        if key.startswith("XMP") and key != "XMP-dc:Subject":
            assert after[key] == value
    assert after["XMP-dc:Subject"] == ["mine", "dog"]
    text = sidecar.read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    assert "<!-- kept -->" in text
    assert "  two  spaces " in text
    assert sidecar.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("names", [["photo.jpg.xmp"], ["photo.xmp"], ["photo.jpg.xmp", "photo.xmp"], ["photo.XMP"]])
def test_both_names_are_found_and_updated(jpeg: Path, words: GeneratedWords, names: list[str]) -> None:
    for name in names:
        jpeg.with_name(name).write_text(EMPTY.format(""), encoding="utf-8")
    assert [path.name for path in write_words(jpeg, words).changed] == names
    assert sorted(path.name for path in jpeg.parent.iterdir()) == sorted(["photo.jpg", *names])
    assert {each.source.name for each in read_words(jpeg).captions} == set(names)


@pytest.mark.parametrize("raw", ["photo.CR2", "photo.nef"])
def test_the_sidecar_of_a_raw_file_is_not_the_jpegs(jpeg: Path, words: GeneratedWords, raw: str) -> None:
    raw_file, sidecar = jpeg.with_name(raw), jpeg.with_name("photo.xmp")
    raw_file.touch()
    sidecar.write_text(EMPTY.format(""), encoding="utf-8")
    assert sidecars_of(jpeg) == []
    assert sidecars_of(raw_file) == [sidecar]
    assert [path.name for path in write_words(jpeg, words).changed] == ["photo.jpg.xmp"]


@pytest.mark.parametrize(
    ("extension", "changed"), [("jpg", "photo.xmp"), ("JPG", "photo.xmp"), ("ARW", "photo.jpg.xmp")]
)
def test_a_sidecar_that_says_whose_it_is(jpeg: Path, words: GeneratedWords, extension: str, changed: str) -> None:
    said = f'<rdf:Description xmlns:p="{NAMESPACES["photoshop"]}" p:SidecarForExtension="{extension}"/>'
    jpeg.with_name("photo.xmp").write_text(EMPTY.format(said), encoding="utf-8")
    assert [path.name for path in write_words(jpeg, words).changed] == [changed]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("not xml at all", "not-xml"),
        ("", "not-xml"),
        (DARKTABLE[:-20], "not-xml"),
        ("<html><body/></html>", "not-xmp"),
        (BOMB + EMPTY.format("&f;"), "entities"),
        (BOMB + EMPTY.format('<rdf:Description about="&f;"/>'), "entities"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + EMPTY.format("&e;"), "entities"),
        ('<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">' + EMPTY.format(""), "entities"),
        (EMPTY.format("&e;"), "entities"),
        ("<a>" * 100_000, "not-xml"),
        (" " * (MAX_BYTES + 1), "too-large"),
    ],
    ids=str,
)
def test_broken_and_hostile_sidecars_are_left(jpeg: Path, words: GeneratedWords, content: str, kind: str) -> None:
    sidecar = jpeg.with_name("photo.jpg.xmp")
    sidecar.write_text(content, encoding="utf-8")
    [problem] = read_words(jpeg).problems
    assert problem.kind == kind
    assert sidecar.name in problem.message
    assert "\n" not in problem.message
    photo = jpeg.read_bytes()
    for force in (False, True):
        with pytest.raises(MetadataError) as error:
            write_words(jpeg, words, "both", force=force)
        assert error.value.kind == kind
    assert sidecar.read_text(encoding="utf-8") == content
    assert jpeg.read_bytes() == photo


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret", encoding="utf-8")
    text = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>' + EMPTY.format("&e;")
    with pytest.raises(MetadataError) as error:
        Packet(text.encode())
    assert "the secret" not in error.value.message


def test_a_sidecar_that_is_no_file(jpeg: Path) -> None:
    os.mkfifo(jpeg.with_name("photo.jpg.xmp"))
    jpeg.with_name("photo.xmp").symlink_to(jpeg.with_name("photo.xmp"))
    assert {problem.kind for problem in read_words(jpeg).problems} == {"not-a-file", "unreadable"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "iso-8859-1"])
def test_other_encodings(encoding: str) -> None:
    declared = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>"
    about = f'<rdf:Description xmlns:dc="{NAMESPACES["dc"]}"><dc:description>Größe</dc:description></rdf:Description>'
    packet = Packet((declared + EMPTY.format(about)).encode(encoding))
    assert packet.texts("dc:description") == ["Größe"]
    assert Packet(bytes(packet)).texts("dc:description") == ["Größe"]


@pytest.mark.parametrize(
    "written",
    [
        "><dc:description>mine</dc:description>",
        ' dc:description="mine">',
        '/><rdf:Description dc:description="mine">',
        '><dc:description><rdf:Alt><rdf:li xml:lang="de">mine</rdf:li></rdf:Alt></dc:description>',
        "><dc:description><rdf:Seq><rdf:li>mine</rdf:li></rdf:Seq></dc:description>",
        "><dc:description rdf:parseType='Resource'><rdf:value>mine</rdf:value></dc:description>",
    ],
)
def test_every_way_that_rdf_has_to_write_a_text(written: str) -> None:
    text = EMPTY.format(f"<rdf:Description{written}</rdf:Description>")
    packet = Packet(text.replace("<x:xmpmeta", f'<x:xmpmeta xmlns:dc="{NAMESPACES["dc"]}"').encode())
    assert packet.texts("dc:description") == ["mine"]
    packet.set_default("dc:description", "new")
    assert Packet(bytes(packet)).texts("dc:description")[0] == "new"


def refusal(data: bytes) -> str | None:
    try:
        Packet(data, "x.xmp")
    except MetadataError as error:
        return error.message
    return None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_packet_or_one_clear_line(data: bytes) -> None:
    message = refusal(data)
    assert message is None or (message.startswith("x.xmp: ") and message.isprintable())


@given(data=st.data())
def test_a_changed_sidecar_is_a_packet_or_one_clear_line(data: st.DataObject, words: GeneratedWords) -> None:
    content = bytearray(DARKTABLE.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 8))] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"<!--", b"]]>", b"&e;"])
        )
    if refusal(bytes(content)):
        return
    packet = Packet(bytes(content))
    put_words(packet, words, ["dog"])
    again = Packet(bytes(packet))
    assert again.canonical() == packet.canonical()
    assert not put_words(again, words, ["dog"])


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffe\uffff"), min_size=1)


@given(mine=texts, others=st.lists(texts, max_size=3), keywords=st.lists(st.sampled_from("abcde"), max_size=5))
def test_what_others_wrote_survives(mine: str, others: list[str], keywords: list[str], words: GeneratedWords) -> None:
    packet = Packet(DARKTABLE.encode())
    packet.set_text("photoshop:SidecarForExtension", mine)
    packet.set_list("dc:subject", others)
    there = packet.texts("dc:subject")
    put_words(packet, words, keywords)
    put_words(packet, words, [])
    again = Packet(bytes(packet))
    assert again.text("photoshop:SidecarForExtension") == (mine if mine.strip() else None)
    assert again.texts("dc:subject") == there
    assert b"rawprepare" in bytes(again)
