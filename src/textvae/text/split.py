"""Texts kept from training: chosen in one pass and little memory, and never one that is trained on too."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from textvae.errors import TextVAEError

MOST_HELD_OUT = 20_000


class HeldOut:
    """Keeps a share of the texts from training, ``MOST_HELD_OUT`` at most.

    A seeded hash of each text decides: its copies stay on one side, and the order of the texts does not matter.
    Candidates are the texts with the largest hashes, so many that they are enough for any number of texts; all
    others go to training at once.
    """

    def __init__(self, share: float, seed: int) -> None:
        if not 0 < share < 1:
            raise TextVAEError(f"the share to hold out must lie between 0 and 1, not {share}")
        self._share = share
        self._key = str(seed).encode()
        self._texts = 0
        self._times: dict[str, int] = {}  # how often each candidate has come
        self._ranked: list[tuple[bytes, str]] = []  # candidates by their hashes: a heap, the smallest first

    def sift(self, texts: Iterable[str]) -> list[str]:
        """Of the next texts, and of candidates so far, those that are to be trained on whatever follows."""
        train: list[str] = []
        for text in texts:
            self._texts += 1
            if text in self._times:
                self._times[text] += 1
                continue
            entry = (self._hash(text), text)
            if len(self._ranked) < MOST_HELD_OUT:
                heapq.heappush(self._ranked, entry)
            elif entry > self._ranked[0]:
                _, out = heapq.heapreplace(self._ranked, entry)
                train += [out] * self._times.pop(out)
            else:
                train.append(text)
                continue
            self._times[text] = 1
        return train

    def settle(self) -> tuple[list[str], list[str]]:
        """After the last text: the candidates that are trained on after all, and those that are held out.

        Each side of the split has at least one text. A text so frequent that it would overfill what is held out
        goes to training.

        Raises ``TextVAEError`` if there were fewer than two distinct texts.
        """
        if len(self._times) < 2:
            few = "is only one distinct text" if self._times else "is no text"
            raise TextVAEError(f"a text to train on and one to hold out are needed, but there {few}")
        order = [text for _, text in sorted(self._ranked, reverse=True)]
        room = min(max(1, round(self._share * self._texts)), MOST_HELD_OUT)
        chosen: set[str] = set()
        for text in order:
            if self._times[text] <= room:
                chosen.add(text)
                room -= self._times[text]
        if not chosen:
            chosen.add(min(order, key=self._times.__getitem__))
        if sum(map(self._times.__getitem__, chosen)) == self._texts:
            chosen.remove(order[-1])
        train, held = [], []
        for text, times in self._times.items():
            (held if text in chosen else train).extend([text] * times)
        return train, held

    def _hash(self, text: str) -> bytes:
        # what follows on a tab, such as a label, does not move a text to the other side
        words = text.partition("\t")[0]
        return blake2b(words.encode(errors="surrogatepass"), digest_size=8, key=self._key).digest()


def split_texts(texts: Sequence[str], share: float, seed: int = 0) -> tuple[list[str], list[str]]:
    """Split into (train, held out) as ``HeldOut`` does; where all are candidates, in the order they first come in."""
    held_out = HeldOut(share, seed)
    sifted = held_out.sift(texts)
    rest, held = held_out.settle()
    return sifted + rest, held
