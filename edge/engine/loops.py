"""Loop detection: small models repeat themselves ("a 19-year-old male who is a 19-year-old male who is …").

A loop is a block of tokens that stands three times in a row at the end of the answer. Short blocks need more
repeats, so that "2+ 2+ 2+" or a row of dashes is not taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_PERIOD = 120  # tokens; longer repeats (a whole section written again) are found line by line
MIN_LOOP = 18  # tokens that the repeated blocks must cover together


def loop_start(ids: Sequence[int]) -> int | None:
    """Return the index where the first repeat of a loop begins (one copy stays before it), or None.

    Called after each token, it finds a loop as soon as its third copy is complete. Cost: O(MAX_PERIOD) for ordinary
    text, since most periods fail at their first comparison.
    """
    n = len(ids)
    for period in range(1, min(MAX_PERIOD, n // 3) + 1):
        copies = max(3, -(-MIN_LOOP // period))
        span = copies * period
        if span > n or ids[n - 1] != ids[n - 1 - period]:
            continue
        if all(ids[i] == ids[i - period] for i in range(n - span + period, n)):
            start = n - span + period
            while start - period > 0 and ids[start - 1] == ids[start - 1 - period]:
                start -= 1  # the loop may have begun inside an earlier, partly overlapping copy
            return start
    return None
