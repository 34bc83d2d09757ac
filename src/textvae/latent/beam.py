"""Beam search over many texts at once: the likeliest text for each latent, nearly."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from textvae.decoders.sequence import SequenceDecoder
from textvae.types import BOS, EOS


def length_norm(length: int, alpha: float) -> float:
    """What a text's log-probability is divided by: ((5 + length) / 6)^α (Wu et al. 2016, equation 14)."""
    return ((5 + length) / 6) ** alpha


def beam_search(
    decoder: SequenceDecoder, z: Tensor, banned: list[int], *, size: int, alpha: float, longest: Tensor
) -> tuple[list[np.ndarray], np.ndarray]:
    """For each latent of ``z`` (B, Z) the best text found: its ids and log p in nats (B,).

    A hypothesis that ends among the ``size`` best of a step is finished. A text's search stops when ``size``
    hypotheses are finished, or when none still open can overtake the best of them. At its ``longest`` (B,) length
    an open hypothesis is cut and compared with the finished ones as it is.
    """
    device = z.device
    texts: list[np.ndarray] = [np.empty(0, np.int32)] * len(z)
    log_probs = np.empty(len(z), np.float32)

    alive = torch.arange(len(z), device=device)  # (A,) the texts still searched
    # Every text opens with one hypothesis, then with ``size``; unused places score -inf.
    score = torch.full((len(z), size), -torch.inf, device=device)
    score[:, 0] = 0
    steps = int(longest.max())
    written = torch.full((len(z), size, steps), EOS, device=device)
    best = torch.full((len(z),), -torch.inf, device=device)  # normalised score of the best finished one
    best_log_p = torch.zeros(len(z), device=device)
    best_ids = torch.full((len(z), steps), EOS, device=device)
    finished = torch.zeros(len(z), dtype=torch.long, device=device)

    tokens = torch.full((len(z) * size,), BOS, device=device)
    state = decoder.start(z.repeat_interleave(size, 0))
    never = torch.tensor(banned, device=device)
    # no finished text of any length can be divided by more than this
    most = torch.tensor([length_norm(n, alpha) for n in longest.tolist()], device=device)
    for t in range(steps):
        log_p, state = decoder.step(tokens, state)
        vocab = log_p.shape[1]
        total = log_p.index_fill_(1, never, -torch.inf).view(len(alive), size, vocab).add_(score[:, :, None])
        # Each open hypothesis ends in one way only, so 2·size candidates hold ``size`` that go on.
        candidates, place = total.flatten(1).topk(min(2 * size, size * vocab), 1)
        parent, token = place // vocab, place % vocab
        ends = (token == EOS) & candidates.isfinite()

        # the best hypothesis that ends here; candidates are sorted, so it is the first
        closing = ends[:, :size]
        finished += closing.sum(1)
        first = closing.int().argmax(1, keepdim=True)
        closed = candidates.gather(1, first)[:, 0]
        normalised = closed / length_norm(t + 1, alpha)
        better = closing.any(1) & (normalised > best)
        best = torch.where(better, normalised, best)
        best_log_p = torch.where(better, closed, best_log_p)
        best_ids = torch.where(better[:, None], _rows(written, parent.gather(1, first))[:, 0], best_ids)

        # the ``size`` best that go on; a stable sort keeps them in order of score
        chosen = ends.int().sort(dim=1, stable=True).indices[:, :size]
        score = candidates.gather(1, chosen).masked_fill(ends.gather(1, chosen), -torch.inf)
        parent, token = parent.gather(1, chosen), token.gather(1, chosen)
        written = _rows(written, parent)
        written[:, :, t] = token

        done = (finished >= size) | (best >= score[:, 0] / most)
        cut = ~done & (longest == t + 1)  # the best open hypothesis can still win, as it stands
        best_ids = torch.where(cut[:, None], written[:, 0], best_ids)
        best_log_p = torch.where(cut, score[:, 0], best_log_p)
        done |= cut
        if done.any():
            for row in done.nonzero()[:, 0].tolist():
                text = int(alive[row])
                line = best_ids[row].to(torch.int32).cpu().numpy()
                texts[text] = line[line != EOS]
                log_probs[text] = float(best_log_p[row])
        going = (~done).nonzero()[:, 0]
        if len(going) == 0:
            break
        state_rows = (going[:, None] * size + parent[going]).flatten()
        state = tuple(part[state_rows] for part in state)
        tokens = token[going].flatten()
        alive, score, written, finished = alive[going], score[going], written[going], finished[going]
        best, best_log_p, best_ids = best[going], best_log_p[going], best_ids[going]
        longest, most = longest[going], most[going]
    return texts, log_probs


def _rows(written: Tensor, parent: Tensor) -> Tensor:
    """Each hypothesis's ids (B, k, T) for the hypotheses ``parent`` (B, j): (B, j, T)."""
    return written.gather(1, parent[:, :, None].expand(-1, -1, written.shape[2]))
