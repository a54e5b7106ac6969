"""Captions over HTTP: one service, its native API, other dialects, and a page."""

from pictell.server.app import create_app
from pictell.server.refusals import Refusal, answer_to, json_answer, status_of
from pictell.server.service import Service
from pictell.server.settings import Settings

__all__ = ["Refusal", "Service", "Settings", "answer_to", "create_app", "json_answer", "status_of"]
