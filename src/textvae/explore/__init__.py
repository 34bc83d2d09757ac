"""The explorer: a local web page, and a JSON API, over a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textvae.errors import TextVAEError
from textvae.text.corpus import Corpus

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # names of this machine, which no other reaches


def explore(
    vae: Any,
    corpus: Corpus | None = None,
    *,
    name: str = "model",
    meanings: Mapping[int, str] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    started: Callable[[str], object] = print,
) -> None:
    """Serves the explorer of a trained model until Ctrl-C or SIGTERM.

    Args:
        vae: a ``TextVAE`` or a ``TopicVAE``.
        corpus: texts for the map and the search; without them a ``TextVAE`` writes some itself.
        name: what the page calls the model.
        meanings: of dimensions, by their numbers.
        host: the address to listen on; one that other machines reach needs a ``token``.
        port: 0 takes any that is free.
        token: what requests to the API must bring.
        started: called with the page's address once it can be opened.

    Raises:
        TextVAEError: the extra ``explore`` is not installed, or the address can't be listened on.
    """
    try:
        from textvae.explore.server import serve
    except ImportError as error:
        raise TextVAEError("The explorer needs a web server: pip install 'textvae[explore]'.") from error
    from textvae.estimators import TopicVAE
    from textvae.explore.space import Space
    from textvae.explore.topics import TopicSpace

    if isinstance(vae, TopicVAE):
        space = TopicSpace(vae, corpus, name=name)
    else:
        space = Space(vae, corpus, name=name, meanings=meanings)
    serve(space, host=host, port=port, token=token, started=started)
