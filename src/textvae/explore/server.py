"""The explorer as a web server: pages, API, and how it starts and stops."""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from textvae.errors import TextVAEError
from textvae.explore import LOOPBACK
from textvae.explore.failures import Failure
from textvae.explore.guard import Guard
from textvae.explore.limits import Desk, Job, read_body
from textvae.explore.openapi import document
from textvae.explore.operations import OPERATIONS, Operation
from textvae.explore.space import Space
from textvae.explore.topics import TOPIC_OPERATIONS, TopicSpace
from textvae.language import LANGUAGES, current, phrases, preferred, translate, use
from textvae.ui import asset

_SHARED = ("theme.css", "base.css", "map.css", "map.js", "strings.js")  # with the report
_TYPES = {"css": "text/css", "js": "text/javascript"}


def application(
    space: Space | TopicSpace, *, token: str | None = None, desk: Desk | None = None
) -> Starlette:
    """The explorer of a space as an ASGI application.

    Args:
        token: what the API's requests must bring; None for a server that only this machine reaches.
        desk: where requests wait for their turn.
    """
    desk = desk or Desk()
    operations: Sequence[Operation] = OPERATIONS if isinstance(space, Space) else TOPIC_OPERATIONS
    described = document(operations, version("textvae"))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with desk.at_work():
            yield

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def openapi(_: Request) -> Response:
        return JSONResponse(described)

    async def shared(request: Request) -> Response:
        name = request.url.path.removeprefix("/ui/")
        return Response(asset(name), media_type=_TYPES[name.rpartition(".")[2]])

    async def words(request: Request) -> Response:
        language = request.url.path.removeprefix("/words/").removesuffix(".json")
        return JSONResponse(phrases("ui", language) | phrases("explorer", language))

    routes = [
        Route("/healthz", health),
        Route("/openapi.json", openapi),
        *(Route(f"/ui/{name}", shared) for name in _SHARED),
        *(Route(f"/words/{language}.json", words) for language in LANGUAGES),
        Mount("/api", routes=[_route(operation, space, desk) for operation in operations]),
        Mount("/", StaticFiles(directory=str(files("textvae.explore") / "page"), html=True)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={Failure: _fail, HTTPException: _not_found},  # pyright: ignore[reportArgumentType]
        lifespan=lifespan,
    )


def _route(operation: Operation, space: Space | TopicSpace, desk: Desk) -> Route:
    async def answer(request: Request) -> Response:
        if operation.request is None:
            return JSONResponse(await desk.run(Job(lambda _: [operation.run(space)])))
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Failure(415, "type", "The body of a request is application/json.")
        asked = _read(operation.request, await read_body(request))
        try:
            return JSONResponse(await desk.run(operation.job(space, asked)))
        except TextVAEError as error:
            use(preferred({"LANG": request.headers.get("accept-language", "")}))  # for this request
            raise Failure(422, "refused", translate(str(error))) from error

    return Route(f"/{operation.name}", answer, methods=["GET" if operation.request is None else "POST"])


def _read(model: type[Any], body: bytes) -> Any:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Failure(400, "json", f"The body is no JSON: {first['msg']}.") from error
        where = ".".join(str(part) for part in first["loc"])
        raise Failure(422, "invalid", f"{where}: {first['msg']}.") from error


async def _fail(_: Request, failure: Failure) -> Response:
    return failure.response()


async def _not_found(_: Request, error: HTTPException) -> Response:
    response = Failure(error.status_code, "http", f"{error.detail}.").response()
    response.headers.update(error.headers or {})
    return response


def serve(
    space: Space | TopicSpace,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    started: Callable[[str], object] = print,
) -> None:
    """Serves the explorer until Ctrl-C or SIGTERM; requests at work are finished first.

    Args:
        host: the address to listen on.
        port: 0 takes any that is free.
        token: needed for an address that other machines reach.
        started: called with the page's address once it can be opened.

    Raises:
        TextVAEError: the address can't be listened on, or lacks a token.
    """
    if host not in LOOPBACK and token is None:
        raise TextVAEError(f"Other machines can reach {host}: give a token that requests must bring.")
    with _listen(host, port) as listening:
        address = _address(host, listening.getsockname()[1], token)
        config = uvicorn.Config(
            application(space, token=token),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=10,
            limit_concurrency=512,
        )
        # uvicorn finishes requests on both signals and then sends itself the same again: by then, all is done
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            _Server(config, lambda: started(address)).run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, before)


class _Server(uvicorn.Server):
    """Tells when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _address(host: str, port: int, token: str | None) -> str:
    """The page's address; token and language stand after #, so that no server and no log sees them."""
    name = f"[{host}]" if ":" in host else host
    said = {} if token is None else {"token": token}
    if current() != "en":
        said["lang"] = current()
    return f"http://{name}:{port}/" + (f"#{urlencode(said)}" if said else "")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family)
    except OSError as error:
        raise TextVAEError(
            f"Can't listen on {host}, port {port}: {error.strerror}; --port chooses another."
        ) from error
