"""What a request is told when it fails."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response


class Failure(Exception):  # noqa: N818  (not an error here: an answer)
    """A request that can't be served: its status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence

    def response(self) -> Response:
        """The failure as JSON."""
        headers = {"Retry-After": "1"} if self.status == 503 else None
        told = {"error": {"code": self.code, "message": self.sentence}}
        return JSONResponse(told, self.status, headers)
