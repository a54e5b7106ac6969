"""The models as OpenAI's clients see them, and as llama.cpp's do, which want to know beforehand that pictures are taken."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from pictell.server.dialects.catalogue import Offer, choose, offers
from pictell.server.models import Models
from pictell.server.refusals import json_answer
from pictell.server.service import Service

# Clients divide what they send by this; pictell reads of a text only what it asks for, and pictures take none of it.
_CONTEXT = 32768


def router(service: Service) -> APIRouter:
    """`GET /v1/models/{id}`, llama.cpp's `GET /props`, LocalAI's `GET /readyz`. The list is at pictell's own `/v1/models`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/v1/models/{name:path}")
    async def model(name: str) -> Response:
        return json_answer(_card(choose(service.models, name)))

    @routes.get("/readyz")
    async def ready() -> Response:
        return Response(b"OK", media_type="text/plain")

    @routes.get("/props")
    async def props(model: str | None = None) -> Response:
        offer = choose(service.models, model)
        return json_answer(
            {
                "default_generation_settings": {"n_ctx": _CONTEXT},
                "total_slots": service.settings.most_pictures,
                "model_alias": offer.id,
                "modalities": {"vision": True, "audio": False},
                "chat_template": "",
                "chat_template_caps": {"supports_tools": False},
            }
        )

    return routes


def cards(models: Models) -> list[dict[str, Any]]:
    """All that can be chosen."""
    return [_card(offer) for offer in offers(models)]


def _card(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.id,
        "aliases": sorted({offer.tagged, offer.model.label} - {offer.id}) if offer.style == "plain" else [],
        "object": "model",
        "created": int(offer.model.about.changed),
        "owned_by": "pictell",
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        "meta": {"n_ctx": _CONTEXT},
    }
