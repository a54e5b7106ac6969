"""The `interrogate` of stable-diffusion-webui, which tools for labelling pictures ask for."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pictell.server.dialects.catalogue import choose, offers
from pictell.server.dialects.reading import json_of, name_in
from pictell.server.dialects.speaking import captions, fields
from pictell.server.refusals import Refusal, json_answer
from pictell.server.service import Service

# Their captioners; whoever asks for these gets what there is.
_THEIRS = ("clip", "deepdanbooru", "deepbooru")


def router(service: Service) -> APIRouter:
    """`POST /sdapi/v1/interrogate`: `{image, model}` in, `{caption}` out."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/sdapi/v1/interrogate")
    async def interrogate(request: Request) -> Response:
        given = await json_of(service, request)
        name = name_in(given)
        offer = offers(service.models)[0] if name in _THEIRS else choose(service.models, name)
        image = given.get("image")
        if not isinstance(image, str):
            raise Refusal("no-picture", "image must be a picture as base64")
        [caption] = await captions(service, offer, [image])
        return json_answer(fields(caption, "caption"))

    return routes
