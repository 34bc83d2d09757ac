"""What requests and answers hold; the OpenAPI document is made from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from textvae.explore.limits import BATCH, TEXT_CHARACTERS

Text = Annotated[str, Field(max_length=TEXT_CHARACTERS)]
Number = Annotated[float, Field(ge=-1e4, le=1e4, allow_inf_nan=False)]
Latent = Annotated[list[Number], Field(min_length=1, max_length=4096, description="z, (Z,)")]
Place = Annotated[list[Number], Field(min_length=2, max_length=2, description="x and y on the map")]
Count = Annotated[int, Field(ge=1, le=BATCH)]


class Request(BaseModel):
    """What every request's body derives from."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Writing(Request):
    """How texts are written from latents."""

    method: Literal["greedy", "sample"] = Field(
        default="greedy", description="the likeliest token, or one drawn"
    )
    temperature: float = Field(
        default=1.0, gt=0, le=5, description="of sample; below 1 keeps to likelier tokens"
    )
    top_p: float = Field(
        default=1.0, gt=0, le=1, description="of sample: draw from the likeliest of this mass"
    )
    seed: int = Field(default=0, ge=0, lt=2**53, description="of sample")
    allow_unknown: bool = Field(default=False, description="whether <unk> may be written")


class EncodeRequest(Request):
    """Texts to find the latents of."""

    texts: list[Text] = Field(min_length=1, max_length=BATCH)


class DecodeRequest(Request):
    """Latents to write texts from."""

    z: list[Latent] = Field(min_length=1, max_length=BATCH)
    writing: Writing = Writing()


class InterpolateRequest(Request):
    """Two ends, texts or latents, to write what lies between."""

    a: Text | Latent
    b: Text | Latent
    steps: int = Field(default=7, ge=2, le=33, description="both ends included")
    path: Literal["linear", "spherical"] = "linear"
    writing: Writing = Writing()


class EditRequest(Request):
    """A text to rewrite toward a value of a label that the model has a direction for."""

    text: Text
    toward: str = Field(max_length=200, description="a direction's name: label=value, or value")
    strength: float | None = Field(
        default=None, ge=0, le=20, description="standard deviations along it; several are tried without one"
    )
    candidates: int = Field(default=5, ge=1, le=10)


class AnalogyRequest(Request):
    """A text is asked for that is to ``c`` as ``a`` is to ``b``."""

    a: Text
    b: Text
    c: Text
    writing: Writing = Writing()


class NeighboursRequest(Request):
    """Texts or latents whose nearest texts are asked for."""

    of: list[Text | Latent] = Field(min_length=1, max_length=BATCH)
    k: Count = 8
    metric: Literal["cosine", "euclidean"] = "cosine"


class SearchRequest(Request):
    """Words to look for in the texts."""

    query: str = Field(min_length=1, max_length=200, description="a part of a text, in any case")
    k: Count = 20


class TextsRequest(Request):
    """Numbers of texts, as the map and what was found give them."""

    index: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(min_length=1, max_length=BATCH)


class SampleRequest(Request):
    """New texts to write: at a place on the map, or from anywhere."""

    n: Count = 5
    at: Place | None = Field(
        default=None, description="a place on the map; without it z is drawn from the prior"
    )
    writing: Writing = Writing(method="sample")


class Token(BaseModel):
    """A piece of a text as the model reads it."""

    text: str
    known: bool = Field(description="whether it is in the vocabulary")


class Encoded(BaseModel):
    """A text, what the model reads of it, and where it lies."""

    text: str = Field(description="as the model reads it: one line, no control characters")
    tokens: list[Token]
    z: list[float]
    place: list[float]


class Written(BaseModel):
    """A text that the model wrote, and where from."""

    text: str
    z: list[float]
    place: list[float]


class Step(Written):
    """A text on a path, ``t`` of the way along it."""

    t: float


class Edited(BaseModel):
    """A rewritten text and how good it is, each of the last four from 0 to 1."""

    text: str
    strength: float
    reach: float = Field(description="P(value | text), by the direction's probe")
    content: float = Field(description="how much of the text is kept")
    fluency: float = Field(description="how likely the model finds it beside the text")
    score: float = Field(description="the product of the three")


class Found(BaseModel):
    """A text that was found, by its number among those of the explorer."""

    index: int
    text: str
    place: list[float]


class Neighbour(Found):
    """A text found near to another."""

    distance: float


class EncodeAnswer(BaseModel):
    """In the order of the texts."""

    items: list[Encoded]


class WriteAnswer(BaseModel):
    """In the order of what was asked for."""

    items: list[Written]


class PathAnswer(BaseModel):
    """From one end to the other."""

    items: list[Step]


class EditAnswer(BaseModel):
    """The best first."""

    items: list[Edited]


class NeighboursAnswer(BaseModel):
    """For each text or latent its nearest texts, nearest first."""

    items: list[list[Neighbour]]


class SearchAnswer(BaseModel):
    """In the order of the texts."""

    items: list[Found]


class HandleAnswer(BaseModel):
    """A direction that can be turned: z·vector is its value, the vector being of length 1."""

    name: str
    kind: Literal["direction", "dimension", "component"]
    meaning: str = Field(description="of a dimension, as textvae explain names it")
    vector: list[float]
    low: float = Field(description="texts lie between low and high")
    high: float
    share: float = Field(description="of the latents' variance that lies along it")


class ModelAnswer(BaseModel):
    """What the explorer shows."""

    kind: Literal["sentences"]
    name: str
    latent_dim: int
    texts: int = Field(description="how many are searched")
    written: bool = Field(description="whether the model wrote these texts itself, as none were given")
    explained: list[float] = Field(description="the shares of variance along the map's two axes")
    handles: list[HandleAnswer]


class MapAnswer(BaseModel):
    """Where texts lie: lists of the same length, evenly spaced texts if there are many."""

    index: list[int]
    place: list[list[float]]
    text: list[str] = Field(description="cut short where it is long")
    z: list[list[float]] = Field(description="to two digits")
    labels: dict[str, list[str]]


class HealthAnswer(BaseModel):
    """That the server is there."""

    status: Literal["ok"]


class FailureDetail(BaseModel):
    """Why a request failed."""

    code: str
    message: str


class FailureAnswer(BaseModel):
    """What a request that fails is told."""

    error: FailureDetail


# ---------------------------------------------------------------------- topic models


class DocumentsRequest(Request):
    """Documents whose nearest are asked for."""

    texts: list[Text] = Field(min_length=1, max_length=BATCH)
    k: Count = 8


class TopicModelAnswer(BaseModel):
    """What the explorer of a topic model shows."""

    kind: Literal["topics"]
    name: str
    topics: int = Field(description="K")
    texts: int = Field(description="how many documents are searched")
    explained: list[float] = Field(description="the shares of variance along the map's two axes")


class TopicWord(BaseModel):
    """A word of a topic."""

    text: str
    probability: float = Field(description="p(word | topic)")


class TopicDocument(Found):
    """A document that is about a topic."""

    share: float


class Topic(BaseModel):
    """A topic."""

    topic: int
    share: float = Field(description="its mean share of the documents shown")
    words: list[TopicWord] = Field(description="the foremost first")
    documents: list[TopicDocument] = Field(description="those with the largest shares")


class TopicsAnswer(BaseModel):
    """In the order of their numbers."""

    items: list[Topic]


class Piece(BaseModel):
    """A part of a document, and the topic that it most likely is of, if it is a word that the model knows."""

    text: str
    topic: int | None
    probability: float | None


class Share(BaseModel):
    """A topic's share of a document, with its 90% interval."""

    topic: int
    share: float
    lower: float
    upper: float


class Document(BaseModel):
    """What a document is about."""

    text: str
    words: list[Piece] = Field(description="the whole text, in pieces")
    shares: list[Share]
    fits: bool = Field(description="whether any topic fits it")
    place: list[float]


class SharesAnswer(BaseModel):
    """In the order of the documents."""

    items: list[Document]
