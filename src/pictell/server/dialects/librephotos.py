"""The captioning service of LibrePhotos, which names photos by their paths: it and this service see the same folders."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Request, Response

from pictell.server.dialects.catalogue import offers
from pictell.server.dialects.reading import json_of
from pictell.server.dialects.speaking import captions, fields
from pictell.server.refusals import Refusal, json_answer
from pictell.server.service import Service

# What became a link since it was looked at is not followed, and nothing is waited for that is no file.
_FLAGS = os.O_RDONLY
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # those of them that the system has
    _FLAGS |= getattr(os, _name, 0)


def router(service: Service) -> APIRouter:
    """`POST /generate-caption` with `{"image_path"}`, for photos in the folders that were named, and `GET /unload-model`."""
    routes = APIRouter(include_in_schema=False)
    roots, most = service.settings.photo_roots, service.settings.most_body

    @routes.post("/generate-caption")
    async def caption(request: Request) -> Response:
        given = await json_of(service, request)
        if not roots:
            raise Refusal("not-found", "this service reads no photos by their paths: --photo-root names where it may")
        path = given.get("image_path")
        if not isinstance(path, str):
            raise Refusal("bad-request", "image_path must be a path")
        content = await asyncio.to_thread(photo_below, roots, path, most)
        [result] = await captions(service, offers(service.models)[0], [content])
        return json_answer(fields(result, "caption"), 201)

    @routes.get("/unload-model")
    async def unload() -> Response:
        for model in service.models.all:
            await asyncio.to_thread(service.unload, model)
        return json_answer({"status": "OK"})

    return routes


def photo_below(roots: Sequence[Path], text: str, most: int) -> bytes:
    """The content of a file in one of the folders; links are followed first, and must not lead out. `most` is in bytes.

    Raises:
        Refusal: `not-found`, and whether there is something outside is not told; `body-too-large`.

    """
    missing = Refusal("not-found", "there is no such photo in the folders that --photo-root names")
    try:
        path = Path(text).resolve(strict=True)
        if not any(path.is_relative_to(root.resolve()) for root in roots):
            raise missing
        with os.fdopen(os.open(path, _FLAGS), "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise missing
            if status.st_size > most:
                raise Refusal("body-too-large", f"a photo has {most:,} bytes at most")
            return opened.read(most)
    except (OSError, ValueError, RuntimeError):
        raise missing from None
