"""The built-in corpus ``grammar``: short restaurant reviews whose generative factors are known.

Every review says one thing about one aspect of a restaurant. Six factors, drawn independently and uniformly,
decide its words; which synonym, noun or turn of phrase says it is left to chance. So a model's latent space
can be held against what made the texts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from textvae.errors import TextVAEError
from textvae.text.corpus import Corpus

FACTORS: dict[str, tuple[str, ...]] = {
    "sentiment": ("negative", "positive"),  # of the whole sentence: "was not bad" is positive
    "aspect": ("food", "service", "price", "place"),
    "tense": ("past", "present"),
    "person": ("I", "we", "she", "they"),  # whose review it is
    "negation": ("no", "yes"),
    "intensity": ("plain", "strong"),
}

# Singular and plural nouns of each aspect, and adjectives that praise and blame it; each goes with each.
_SINGULAR = {
    "food": ("food", "meal", "soup", "pasta", "bread", "salad"),
    "service": ("service", "waiter", "waitress", "staff"),
    "price": ("price", "bill", "total"),
    "place": ("place", "room", "restaurant", "terrace", "bar"),
}
_PLURAL = {
    "food": ("dishes", "noodles", "desserts", "starters"),
    "service": ("waiters", "servers"),
    "price": ("prices", "costs"),
    "place": ("rooms", "surroundings"),
}
_PEOPLE = frozenset(["waiter", "waitress", "waiters", "servers", "staff"])
_PRAISE = {
    "food": ("good", "tasty", "fresh", "flavorful"),
    "service": ("good", "friendly", "quick", "polite"),
    "price": ("fair", "low", "reasonable", "decent"),
    "place": ("clean", "cosy", "pleasant", "quiet"),
}
_BLAME = {
    "food": ("bad", "bland", "stale", "greasy"),
    "service": ("bad", "rude", "slow", "careless"),
    "price": ("unfair", "high", "steep", "inflated"),
    "place": ("dirty", "gloomy", "unpleasant", "noisy"),
}
_STRONG = ("very", "really", "extremely", "incredibly", "so")
_STRONG_NEGATED = ("at all", "in the least", "in any way")
_POSSESSIVE = {"I": "my", "we": "our", "she": "her", "they": "their"}

# (past, present, present after "she")
_Verb = tuple[str, str, str]
_THINK: tuple[_Verb, ...] = (
    ("thought", "think", "thinks"),
    ("felt", "feel", "feels"),
    ("believed", "believe", "believes"),
    ("said", "say", "says"),
)
_TELL: tuple[_Verb, ...] = (
    ("told friends", "tell friends", "tells friends"),
    ("told everyone", "tell everyone", "tells everyone"),
    ("wrote online", "write online", "writes online"),
)
_VISIT: tuple[_Verb, ...] = (
    ("came here", "come here", "comes here"),
    ("went there", "go there", "goes there"),
    ("visited", "visit", "visits"),
    ("ate here", "eat here", "eats here"),
)
_LIKE: tuple[_Verb, ...] = (
    ("liked", "like", "likes"),
    ("enjoyed", "enjoy", "enjoys"),
    ("praised", "praise", "praises"),
)
_DISLIKE: tuple[_Verb, ...] = (
    ("disliked", "dislike", "dislikes"),
    ("criticized", "criticize", "criticizes"),
    ("complained about", "complain about", "complains about"),
)


def grammar_corpus(n: int = 10_000, seed: int = 0) -> Corpus:
    """``n`` reviews with each of ``FACTORS`` as a label (N,) of str; a pure function of (n, seed).

    All 256 combinations of values are equally frequent, to within one text.

    Raises ``TextVAEError`` if ``n`` is not positive.
    """
    if n < 1:
        raise TextVAEError(f"a corpus needs at least one text, not {n}")
    rng = np.random.default_rng(seed)
    combinations = np.array(list(itertools.product(*FACTORS.values())))
    rounds = -(-n // len(combinations))
    order = np.concatenate([rng.permutation(len(combinations)) for _ in range(rounds)])[:n]
    texts = [_Review(*combinations[i].tolist(), rng=rng).write() for i in order]
    labels = {name: combinations[order, column] for column, name in enumerate(FACTORS)}
    return Corpus(texts, labels, "grammar")


@dataclass
class _Review:
    """One review: the factors decide, ``rng`` picks among what they leave open."""

    sentiment: str
    aspect: str
    tense: str
    person: str
    negation: str
    intensity: str
    rng: np.random.Generator

    def write(self) -> str:
        frames = (self._opinion, self._report, self._aside, self._visit, self._in_my_opinion, self._reaction)
        sentence = frames[self.rng.integers(len(frames))]()
        return sentence[0].upper() + sentence[1:] + "."

    def _opinion(self) -> str:
        return f"{self._does(_THINK)} {self._pick(('that ', ''))}{self._statement()}"

    def _report(self) -> str:
        return f"{self._does(_TELL)} that {self._statement()}"

    def _aside(self) -> str:
        return f"{self._statement()}, {self._does(_THINK)}"

    def _visit(self) -> str:
        when = (
            ("", " last week", " last night") if self.tense == "past" else ("", " on Sundays", " these days")
        )
        return f"when {self._does(_VISIT)}{self._pick(when)}, {self._statement()}"

    def _in_my_opinion(self) -> str:
        opinion = self._pick(("opinion", "view", "experience"))
        return f"in {_POSSESSIVE[self.person]} {opinion}, {self._statement()}"

    def _reaction(self) -> str:
        noun, plural = self._noun()
        verb = self._does(_LIKE if self.sentiment == "positive" else _DISLIKE)
        return f"{verb} the {noun}, {'who' if noun in _PEOPLE else 'which'} {self._predicate(plural)}"

    def _statement(self) -> str:
        noun, plural = self._noun()
        return f"the {noun} {self._predicate(plural)}"

    def _noun(self) -> tuple[str, bool]:
        plural = bool(self.rng.integers(2))
        return self._pick((_PLURAL if plural else _SINGULAR)[self.aspect]), plural

    def _predicate(self, plural: bool) -> str:
        """``was very good``, ``were not bad at all``: adjective and negation together are the sentiment."""
        be = {"past": ("was", "were"), "present": ("is", "are")}[self.tense][plural]
        negated = self.negation == "yes"
        adjectives = _PRAISE if (self.sentiment == "positive") != negated else _BLAME
        adjective = self._pick(adjectives[self.aspect])
        strong = self.intensity == "strong"
        if negated:
            negation = self._pick((f"{be} not", f"{be}n't", f"{be} never"))
            return f"{negation} {adjective}" + (f" {self._pick(_STRONG_NEGATED)}" if strong else "")
        return f"{be} {self._pick(_STRONG)} {adjective}" if strong else f"{be} {adjective}"

    def _does(self, verbs: tuple[_Verb, ...]) -> str:
        past, present, present_she = verbs[self.rng.integers(len(verbs))]
        if self.tense == "past":
            return f"{self.person} {past}"
        return f"{self.person} {present_she if self.person == 'she' else present}"

    def _pick(self, choices: tuple[str, ...]) -> str:
        return choices[self.rng.integers(len(choices))]
