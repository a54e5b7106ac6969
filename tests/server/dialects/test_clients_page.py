"""What docs/clients.md says is there, is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from server_helpers import Served

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "clients.md").read_text(encoding="utf-8")
ADDRESSES = re.findall(r"`(GET|POST|HEAD) (/[^`]*)`", PAGE)


def test_the_page_names_addresses() -> None:
    assert len(ADDRESSES) > 15


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_every_address_is_answered(served: Served, method: str, path: str) -> None:
    answer = served.ask(method, path.replace("pictell-default", "tiny"), b"{}" if method == "POST" else None)
    assert answer.status not in (405, 500)
    # What reads photos by their paths is not found where there are none to be read.
    assert answer.status != 404 or "--photo-root" in answer.json["error"]["message"]
