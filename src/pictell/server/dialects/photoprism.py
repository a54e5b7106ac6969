"""PhotoPrism's own vision API (https://docs.photoprism.app/developer-guide/vision/), as its `PHOTOPRISM_VISION_URI` is asked."""

from __future__ import annotations

import re
import uuid
from typing import Any

from fastapi import APIRouter, Request, Response

from pictell.language import STYLES
from pictell.server.dialects.catalogue import Offer, choose, offers
from pictell.server.dialects.reading import json_of, name_in, texts_in
from pictell.server.dialects.speaking import captions, in_words
from pictell.server.refusals import Refusal, json_answer
from pictell.server.service import Service
from pictell.types import Caption


def router(service: Service) -> APIRouter:
    """`POST /api/v1/vision/caption`, and `/caption` for who names this service alone as the URI."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/api/v1/vision/caption")
    @routes.post("/caption")
    async def caption(request: Request) -> Response:
        given = await json_of(service, request)
        images = texts_in(given.get("images"), "images")
        if not images and isinstance(url := given.get("url"), str) and url:
            images = (url,)
        offer = _offer(service, given)
        results = await captions(service, offer, images)
        found = [result for result in results if isinstance(result, Caption)]
        texts = [result.text for result in found if result.text is not None]
        # A text would be stored as the photo's caption, so of what is none there is no text.
        told: dict[str, Any] = {"text": in_words(texts) if texts else "", "source": "image"}
        if len(found) == 1 and found[0].confidence is not None:
            told["confidence"] = round(found[0].confidence, 4)
        if not texts:
            told["reason"] = found[0].reason
        return json_answer(
            {
                "id": _id(given.get("id")),
                "code": 200,
                "model": {"type": "caption", "name": offer.id, "version": offer.model.about.version},
                "result": {"caption": told},
            }
        )

    return routes


def _offer(service: Service, given: dict[str, Any]) -> Offer:
    """The model that is named, its style perhaps as its version; the default one where the name is of another service's.

    PhotoPrism sends the name of its own default where only a URI is configured.
    """
    name, version = name_in(given), name_in(given, "version")
    if name and ":" not in name and version in STYLES:
        name = f"{name}:{version}"
    try:
        return choose(service.models, name)
    except Refusal:
        return offers(service.models)[0]


def _id(given: Any) -> str:
    if isinstance(given, str) and re.fullmatch(r"[\w.-]{1,64}", given, re.A):
        return given
    return str(uuid.uuid4())
