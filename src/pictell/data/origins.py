"""Where a photo comes from, so that it is known again in another data set: several sets hold photos of COCO or of Flickr.

Flickr8k names its photos `1000268201_693b08cb0e.jpg` after Flickr's number and key of the photo, Flickr30k `1000092795.jpg`
after the number alone; COCO 2014 has `COCO_val2014_000000391895.jpg` and COCO 2017 the same photo as `000000391895.jpg`.
"""

from __future__ import annotations

import re

_COCO = re.compile(r"(?:COCO_[a-z]+\d{4}_)?(\d{12})\.jpg", re.ASCII)
_FLICKR = re.compile(r"(\d+)(?:_[0-9a-f]{10})?\.jpg", re.ASCII)


def coco_origin(name: str) -> str:
    """`coco/NUMBER` for the name of a COCO photo, 2014 or 2017; empty for another name."""
    found = _COCO.fullmatch(name)
    return f"coco/{int(found[1])}" if found else ""


def flickr_origin(name: str) -> str:
    """`flickr/NUMBER` for the name of a photo of Flickr8k or Flickr30k; empty for another name."""
    found = _FLICKR.fullmatch(name)
    return f"flickr/{int(found[1])}" if found else ""
