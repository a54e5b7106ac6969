"""An XMP packet (ISO 16684-1) as a tree in which single properties are read and set and all else stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pictell.errors import MetadataError, MissingExtraError
from pictell.photos import printable

if TYPE_CHECKING:
    from lxml import etree

MAX_BYTES = 32 << 20
"""The largest packet or sidecar that is read: those of raw developers, with all their masks, take a few MiB."""

NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    # A name, not an address: the domain `invalid` is nobody's (RFC 2606).
    "pictell": "http://ns.pictell.invalid/caption/1.0/",
}

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_DEFAULT = "x-default"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_EMPTY = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>
</x:xmpmeta>
"""


class Packet:
    """The properties of one packet. Names are prefixed as in `NAMESPACES`, whatever prefixes the packet itself uses."""

    def __init__(self, data: bytes | None = None, name: str = "a new packet") -> None:
        """Reads a packet, or begins an empty one; `name` names it in errors.

        Raises:
            MetadataError: of kind `too-large`, `not-xml`, `entities` (a document type, whose entities may be bombs or name
                other files) or `not-xmp`.
            MissingExtraError: `lxml` is not installed.
        """
        try:
            from lxml import etree
        except ImportError as error:
            raise MissingExtraError("reading and writing XMP", "albums") from error
        self._new = data is None
        data = _EMPTY if data is None else data
        if len(data) > MAX_BYTES:
            raise MetadataError("too-large", f"{name}: more than {MAX_BYTES >> 20} MiB of XMP; left as it is")
        parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
        try:
            # Some programs end a packet with a NUL; in UTF-16 it is half of a character.
            root = etree.fromstring(data if data.startswith(_UTF_16) else data.rstrip(b"\0"), parser)
        except etree.XMLSyntaxError as error:
            kind = "entities" if "entit" in str(error).lower() else "not-xml"
            what = "holds XML entities" if kind == "entities" else "is not whole XML"
            remedy = "mend or remove it; left as it is"
            raise MetadataError(kind, f"{name}: its XMP {what} ({_one_line(error.msg)}); {remedy}") from error
        if root.getroottree().docinfo.internalDTD is not None:
            raise MetadataError("entities", f"{name}: its XMP has a document type, which XMP never has; left as it is")
        rdf = root if root.tag == _tag("rdf:RDF") else root.find(".//" + _tag("rdf:RDF"))
        if rdf is None:
            raise MetadataError("not-xmp", f"{name}: is XML, but not XMP (there is no rdf:RDF in it); left as it is")
        self._root: etree._Element = root
        self._rdf: etree._Element = rdf
        self._etree = etree
        self._declared = data.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml")

    def __bytes__(self) -> bytes:
        """The packet as UTF-8, with all processing instructions, comments and properties of other programs."""
        tree = self._root.getroottree()
        if self._new:  # the spaces in another program's packet are its own
            self._etree.indent(tree, " ")
        return bytes(self._etree.tostring(tree, encoding="UTF-8", xml_declaration=self._declared)) + b"\n"

    def canonical(self) -> bytes:
        """A form that is equal for packets that say the same (Canonical XML)."""
        return bytes(self._etree.tostring(self._root, method="c14n"))

    def texts(self, name: str) -> list[str]:
        """All texts of a property: the one for `x-default` first, then those of other languages or the items of a list."""
        found: list[str] = []
        for node in self._elements(name):
            items = self._items(node)
            defaults = [item for item in items if item.get(_LANG) == _DEFAULT]
            found += [_text(item) for item in defaults]
            found += [_text(item) for item in items if item.get(_LANG) != _DEFAULT]
        found += [str(owner.get(_tag(name))) for owner in self._owners() if owner.get(_tag(name)) is not None]
        return [text for text in found if text.strip()]

    def text(self, name: str) -> str | None:
        """The first of `texts`, if any."""
        return next(iter(self.texts(name)), None)

    def set_text(self, name: str, text: str | None) -> None:
        """Sets a simple property, or removes it."""
        if self.texts(name) != ([] if text is None else [text]):
            self._remove(name)
            if text is not None:
                self._add(name).text = text

    def set_default(self, name: str, text: str) -> None:
        """Sets the text of a property for `x-default`; what is there for other languages stays."""
        elements = self._elements(name)
        alternatives = elements[0].find(_tag("rdf:Alt")) if len(elements) == 1 else None
        if alternatives is None or any(owner.get(_tag(name)) is not None for owner in self._owners()):
            self._remove(name)
            alternatives = self._etree.SubElement(self._add(name), _tag("rdf:Alt"))
        items = alternatives.findall(_tag("rdf:li"))
        item = next((item for item in items if item.get(_LANG) == _DEFAULT), None)
        if item is None:
            item = self._etree.Element(_tag("rdf:li"))
            item.set(_LANG, _DEFAULT)
            alternatives.insert(0, item)
        if len(item) or item.text != text:
            del item[:]
            item.text = text

    def remove_default(self, name: str) -> None:
        """Removes the text of a property for `x-default`, and the property with its last text."""
        for node in self._elements(name):
            for item in self._items(node):
                if item.get(_LANG) == _DEFAULT and (above := item.getparent()) is not None:
                    above.remove(item)
        if not self.texts(name):
            self._remove(name)

    def set_list(self, name: str, texts: list[str]) -> None:
        """Sets an unordered list; an empty one is removed."""
        if self.texts(name) == texts:
            return
        self._remove(name)
        if texts:
            bag = self._etree.SubElement(self._add(name), _tag("rdf:Bag"))
            for text in texts:
                self._etree.SubElement(bag, _tag("rdf:li")).text = text

    def _owners(self) -> list[etree._Element]:
        """The elements that have properties: one or several `rdf:Description`."""
        return list(self._rdf.findall(_tag("rdf:Description")))

    def _elements(self, name: str) -> list[etree._Element]:
        return [node for owner in self._owners() for node in owner.findall(_tag(name))]

    def _items(self, node: etree._Element) -> list[etree._Element]:
        """The items of a property's list or language alternatives; of a simple property, itself."""
        for kind in ("rdf:Alt", "rdf:Bag", "rdf:Seq"):
            if (listed := node.find(_tag(kind))) is not None:
                return list(listed.findall(_tag("rdf:li")))
        return [node]

    def _remove(self, name: str) -> None:
        for owner in self._owners():
            owner.attrib.pop(_tag(name), None)
            for node in owner.findall(_tag(name)):
                owner.remove(node)

    def _add(self, name: str) -> etree._Element:
        """An empty property in the last `rdf:Description`, which is made where there is none."""
        prefix = name.partition(":")[0]
        owners = self._owners()
        owner = owners[-1] if owners else self._etree.SubElement(self._rdf, _tag("rdf:Description"))
        if not owners:
            owner.set(_tag("rdf:about"), "")
        return self._etree.SubElement(owner, _tag(name), nsmap={prefix: NAMESPACES[prefix]})


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def _text(node: etree._Element) -> str:
    return "".join(map(str, node.itertext()))


def _one_line(message: object) -> str:
    return printable(" ".join(str(message).split())[:120])
