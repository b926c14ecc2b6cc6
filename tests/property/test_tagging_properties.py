"""Whatever the text: windows keep every token once, spans lie in the text, facts in their turns."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tagging_kit import word_tagger

from edge.errors import InputError
from edge.reading.conversation import parse
from edge.tagging.decode import trimmed
from edge.tagging.facts import find_facts
from edge.tagging.windows import windows
from edge.text import sanitise

WORDS = "any chest pain ? no . i have a cough twenty forty mg wait doctor patient"
TAGGER = word_tagger(WORDS, {"chest": "symptom", "pain": "symptom", "cough": "exam", "twenty": "medication"})
TALK = st.lists(
    st.sampled_from([*WORDS.split(), "\n", "\nDoctor: ", "\nPatient: ", "ß", "😀", "[SEP]", "("]), max_size=60
)


@given(st.integers(1, 400), st.integers(2, 60), st.integers(0, 59))
def test_windows_keep_every_token_once(length: int, size: int, overlap: int) -> None:
    overlap = min(overlap, size // 2)
    kept = [at for cut in windows(length, size, overlap) for at in range(cut.keep_start, cut.keep_end)]
    assert kept == list(range(length))


@settings(max_examples=60, deadline=None)
@given(TALK)
def test_quotes_are_verbatim_and_of_their_turn(words: list[str]) -> None:
    try:
        transcript = parse(sanitise(" ".join(words)))
    except InputError:
        return
    for fact in find_facts(TAGGER, transcript):
        assert 0 <= fact.score <= 1
        for quote in fact.evidence:
            turn = transcript.turns[quote.turn]
            assert turn.start <= quote.start < quote.end <= turn.end
            assert transcript.source[quote.start : quote.end] == quote.text


@given(st.text(max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_trimming_only_shortens(text: str, start: int, end: int) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    a, b = trimmed(text, start, end)
    assert start <= a <= b <= end
