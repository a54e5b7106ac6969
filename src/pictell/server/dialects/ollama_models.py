"""The models as Ollama's clients see them: each has a tag, `latest` or a style."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from pictell import __version__
from pictell.server.dialects.catalogue import Offer, choose, offers
from pictell.server.dialects.ollama import rfc3339
from pictell.server.dialects.reading import json_of, name_in
from pictell.server.refusals import json_answer
from pictell.server.service import Service

_NEVER = datetime(2300, 1, 1, tzinfo=UTC)  # when a model expires that stays until the service stops
_CONTEXT = 32768


def router(service: Service) -> APIRouter:
    """`GET /api/tags`, `/api/ps`, `/api/version`, `POST /api/show`, `/api/pull`, and `HEAD /`, which asks whether it runs."""
    routes = APIRouter(include_in_schema=False)

    @routes.head("/")
    async def there() -> Response:
        return Response()

    @routes.get("/api/version")
    async def version() -> Response:
        return json_answer({"version": __version__})

    @routes.get("/api/tags")
    async def tags() -> Response:
        return json_answer({"models": [_tag(offer) for offer in offers(service.models)]})

    @routes.get("/api/ps")
    async def running() -> Response:
        loaded = [offer for offer in offers(service.models) if offer.model.loaded and offer.style == "plain"]
        return json_answer({"models": [_process(service, offer) for offer in loaded]})

    @routes.post("/api/show")
    async def show(request: Request) -> Response:
        given = await json_of(service, request)
        return json_answer(_shown(choose(service.models, name_in(given, "model", "name"))))

    @routes.post("/api/pull")
    async def pull(request: Request) -> Response:
        # What is there need not be fetched, and nothing else can be.
        given = await json_of(service, request)
        choose(service.models, name_in(given, "model", "name"))
        body = json.dumps({"status": "success"}).encode()
        if given.get("stream") is False:
            return Response(body, media_type="application/json")
        return Response(body + b"\n", media_type="application/x-ndjson")

    return routes


def _tag(offer: Offer) -> dict[str, Any]:
    about = offer.model.about
    return {
        "name": offer.tagged,
        "model": offer.tagged,
        "modified_at": rfc3339(datetime.fromtimestamp(about.changed, UTC)),
        "size": about.size,
        "digest": about.digest,
        "details": _details(offer),
    }


def _details(offer: Offer) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": offer.model.about.form,
        "family": offer.model.about.families[0],
        "families": list(offer.model.about.families),
        "parameter_size": "",
        "quantization_level": "",
    }


def _process(service: Service, offer: Offer) -> dict[str, Any]:
    tag = _tag(offer)
    tag.pop("modified_at")
    expires = _NEVER
    if (idle := service.settings.idle_unload) is not None:
        left = idle - (time.monotonic() - offer.model.used_at)
        expires = datetime.now(UTC) + timedelta(seconds=max(0.0, left))
    return {**tag, "expires_at": rfc3339(expires), "size_vram": 0, "context_length": _CONTEXT}


def _shown(offer: Offer) -> dict[str, Any]:
    tag = _tag(offer)
    return {
        "license": offer.model.about.terms,
        "modelfile": "",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": tag["details"],
        "model_info": {
            "general.architecture": "pictell",
            "general.name": offer.model.label,
            "general.languages": [offer.model.language],
            "pictell.context_length": _CONTEXT,
        },
        "capabilities": ["completion", "vision"],
        "modified_at": tag["modified_at"],
    }
