"""The API as an OpenAPI document, made from the operations and their messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from textvae.explore.messages import FailureAnswer, HealthAnswer
from textvae.explore.operations import Operation

_REF = "#/components/schemas/{model}"
FAILURES = {
    "400": "no JSON",
    "401": "the token is missing or wrong",
    "403": "another host or origin",
    "408": "the body came too slowly",
    "413": "the body is too large",
    "415": "the body is no application/json",
    "422": "JSON that can't be used",
    "503": "the queue is full, or the time is up",
}
_OF_READING = ("401", "403", "503")  # those that a request without a body can meet


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the operations."""
    models = [FailureAnswer, HealthAnswer, *(operation.answer for operation in operations)]
    models += [operation.request for operation in operations if operation.request]
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    paths = {f"/api/{operation.name}": _path(operation) for operation in operations}
    health = {"summary": "Whether the server is there", "operationId": "healthz", "responses": {}}
    health["responses"] = {"200": _answer("in good health", HealthAnswer), "403": _failure("403")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "textvae explore",
            "version": version,
            "description": "Texts to latents, latents to texts, and the ways between them.",
        },
        "paths": {**paths, "/healthz": {"get": health}},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _path(operation: Operation) -> dict[str, Any]:
    failures = FAILURES if operation.request else _OF_READING
    described: dict[str, Any] = {
        "summary": operation.summary,
        "description": operation.run.__doc__,
        "operationId": operation.name,
        "responses": {
            "200": _answer(operation.answer.__doc__ or "", operation.answer),
            **{status: _failure(status) for status in failures},
        },
    }
    if operation.request is None:
        return {"get": described}
    body = {"required": True, "content": _content(operation.request)}
    return {"post": described | {"requestBody": body}}


def _answer(description: str, model: type) -> dict[str, Any]:
    return {"description": description, "content": _content(model)}


def _failure(status: str) -> dict[str, Any]:
    return _answer(FAILURES[status], FailureAnswer)


def _content(model: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
