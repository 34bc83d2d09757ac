import pytest

from textvae.metrics.thinned import Thinned


@pytest.mark.parametrize(("seen", "every"), [(0, 1), (10, 1), (11, 2), (20, 2), (21, 4), (1000, 128)])
def test_items_stay_evenly_spaced_and_few(seen: int, every: int):
    thinned = Thinned[int](10)
    for start in range(0, seen, 7):
        thinned.extend(range(start, min(start + 7, seen)))
    assert thinned.every == every
    assert thinned.items == list(range(0, seen, every))
    assert len(thinned.items) <= 10
