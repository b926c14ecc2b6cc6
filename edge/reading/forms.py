"""JSON of recognisers: Whisper, WhisperX, whisper.cpp, AWS, Azure, Google, Deepgram, AssemblyAI, Rev, and lists.

Each form is known by its keys. Words are taken as written for reading (with punctuation) where a form has both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge.errors import InputError
from edge.reading.captions import Cue
from edge.reading.scan import clock, refuse_turns

_PAUSE = 0.5  # seconds that end a turn after a sentence, where no speaker is known
_LONG_PAUSE = 2.0  # the same for a known speaker
_UNSURE = 0.4  # confidence below which a recogniser guessed
_DEPTH = 60  # of nesting
_DURATION = re.compile(r"PT(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,6}(?:\.\d{1,9})?)S)?")
_TEXT_KEYS = (
    "text",
    "transcript",
    "content",
    "utterance",
    "sentence",
    "display",
    "Content",
    "Text",
    "words",
    "message",
)
_SPEAKER_KEYS = (
    "speaker", "speaker_label", "speakerLabel", "speakerTag", "speaker_id", "speakerId", "speaker_name", "speakerName",
    "participant", "role", "channel", "name", "user", "Speaker", "ParticipantRole",
)  # fmt: skip
_BEGIN_KEYS = ("start", "start_time", "startTime", "begin", "from", "startOffset", "time", "ts", "Start", "offset")
_END_KEYS = ("end", "end_time", "endTime", "to", "endOffset", "end_ts", "End")


@dataclass(frozen=True)
class Spoken:
    """What a file of a recogniser holds. form: its name. unsure: words that the recogniser itself doubts."""

    form: str
    cues: list[Cue]
    unsure: int


@dataclass(frozen=True, slots=True)
class _Word:
    speaker: str
    text: str
    begin: float | None
    end: float | None
    glued: bool = False  # to the word before, as punctuation is


def is_json(text: str) -> bool:
    """True if a text begins as JSON does."""
    return text.lstrip("\ufeff\ufffd \t\n")[:1] in ("{", "[") and text.rstrip()[-1:] in ("}", "]")


def load(text: str) -> Any | None:
    """The value of a JSON text, None if it is none. Raises InputError if it is nested deeper than any recogniser's."""
    try:
        return json.loads(text.strip("\ufeff\ufffd \t\n"), parse_int=_number, parse_float=_number)
    except ValueError:
        return None
    except RecursionError:
        raise InputError("This JSON is nested too deeply.", "", "Export the transcript as text or captions.") from None


def _number(digits: str) -> float:
    return float(digits[:40])


def read_json(value: Any) -> Spoken | None:
    """What a recogniser's JSON says, None if nothing in it looks like speech."""
    for name, read in _FORMS:
        cues = read(value)
        if cues:
            refuse_turns(len(cues))
            return Spoken(_name(name, cues), cues, _unsure(value))
    return None


def _name(name: str, cues: list[Cue]) -> str:
    return "whisperx-json" if name == "whisper-json" and any(cue.speaker for cue in cues) else name


# -- values ------------------------------------------------------------------------------------------------------------


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in _list(value) if isinstance(item, dict)]


def _words(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _first(item: dict[str, Any], keys: Iterable[str]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _seconds(value: Any, unit: float = 1.0) -> float | None:
    """Seconds of 3.2, "3.2", "3.2s", "PT3.2S", "00:00:03,200" or {"seconds": 3, "nanos": 200000000}."""
    if isinstance(value, dict):
        whole, nanos = _seconds(value.get("seconds", 0)), _seconds(value.get("nanos", 0))
        return None if whole is None or nanos is None else whole + nanos / 1e9
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return value * unit
    text = str(value)[:40].strip()
    if (found := _DURATION.fullmatch(text)) is not None and len(text) > 2:
        hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds
    if (at := clock(text, 0)) is not None:
        return at[0]
    try:
        return float(text.rstrip("s")) * unit
    except ValueError:
        return None


def _speaker(value: Any) -> str:
    """A label of what a recogniser calls a speaker: 0 is "Speaker 0", "A" is "Speaker A"."""
    if isinstance(value, dict):
        value = _first(value, ("name", "label", "role", "id", *_SPEAKER_KEYS))
    if isinstance(value, float):
        return f"Speaker {value:g}"
    label = _words(value)[:60]
    return f"Speaker {label}" if label and (label.isdecimal() or len(label) == 1) else label


def _turns(words: Iterable[_Word]) -> list[Cue]:
    """Words gathered to turns: to the next speaker, or to a pause after a sentence."""
    cues: list[Cue] = []
    parts: list[str] = []
    first = last = _Word("", "", None, None)
    for word in words:
        if parts and not word.glued and _parts(last, word, parts[-1]):
            cues.append(Cue(first.speaker, "".join(parts).strip(), first.begin, last.end))
            parts = []
        if not parts:
            first = word
        parts.append(word.text if word.glued or not parts else f" {word.text}")
        last = _Word(word.speaker, word.text, word.begin, last.end if word.end is None else word.end)
    if parts:
        cues.append(Cue(first.speaker, "".join(parts).strip(), first.begin, last.end))
    return [cue for cue in cues if cue.text]


def _parts(last: _Word, word: _Word, said: str) -> bool:
    if word.speaker != last.speaker:
        return True
    gap = word.begin - last.end if word.begin is not None and last.end is not None else 0.0
    return said.rstrip()[-1:] in (".", "?", "!", "…") and gap >= (_LONG_PAUSE if word.speaker else _PAUSE)


# -- forms -------------------------------------------------------------------------------------------------------------


def _whisper(value: Any) -> list[Cue]:
    cues: list[Cue] = []
    for segment in _dicts(_dict(value).get("segments")):
        speaker = _speaker(segment.get("speaker"))
        words = [
            _Word(
                _speaker(word.get("speaker")) or speaker, text, _seconds(word.get("start")), _seconds(word.get("end"))
            )
            for word in _dicts(segment.get("words"))
            if (text := _words(word.get("word") or word.get("text")))
        ]
        begin, end = _seconds(segment.get("start")), _seconds(segment.get("end"))
        if len({word.speaker for word in words}) > 1:
            cues += _turns(words)
        elif text := _words(segment.get("text")):
            cues.append(Cue(words[0].speaker if words else speaker, text, begin, end))
    return cues


def _whisper_cpp(value: Any) -> list[Cue]:
    cues = []
    for item in _dicts(_dict(value).get("transcription")):
        times, offsets = _dict(item.get("timestamps")), _dict(item.get("offsets"))
        begin = _seconds(times.get("from")) if times else _seconds(offsets.get("from"), 0.001)
        end = _seconds(times.get("to")) if times else _seconds(offsets.get("to"), 0.001)
        cues.append(Cue(_speaker(item.get("speaker")), _words(item.get("text")), begin, end))
    return [cue for cue in cues if cue.text]


def _aws(value: Any) -> list[Cue]:
    results = _dict(_dict(value).get("results"))
    segments = _dicts(results.get("audio_segments"))
    if segments and all(_words(one.get("transcript")) for one in segments):
        return [_generic_cue(one, 1.0) for one in segments]
    labels = {
        (str(item.get("start_time")), str(item.get("end_time"))): _speaker(
            item.get("speaker_label") or segment.get("speaker_label")
        )
        for segment in _dicts(_dict(results.get("speaker_labels")).get("segments"))
        for item in _dicts(segment.get("items"))
    }
    words: list[_Word] = []
    channels: list[str] = []
    for item in _dicts(results.get("items")):
        best = next(iter(_dicts(item.get("alternatives"))), {})
        begin, end = item.get("start_time"), item.get("end_time")
        known = labels.get((str(begin), str(end)), "")
        speaker = _speaker(item.get("speaker_label")) or known or (words[-1].speaker if words else "")
        glued = item.get("type") == "punctuation"
        if text := _words(best.get("content")):
            words.append(_Word(speaker, text, _seconds(begin), _seconds(end), glued))
            channels.append(_words(item.get("channel_label")))
    if len(set(channels)) > 1 and not any(word.speaker for word in words):
        return _of_channels(words, channels)
    return _turns(words)


def _of_channels(words: Sequence[_Word], channels: Sequence[str]) -> list[Cue]:
    """Turns of words that came by several channels, each gathered alone: people talk at once."""
    cues: list[Cue] = []
    for name in dict.fromkeys(channels):
        own = [word for word, channel in zip(words, channels, strict=True) if channel == name]
        cues += [replace(cue, speaker=f"Channel {name.removeprefix('ch_')[:40]}") for cue in _turns(own)]
    return sorted(cues, key=lambda cue: cue.begin or 0.0)


def _health_scribe(value: Any) -> list[Cue]:
    talk = _dict(_dict(value).get("Conversation"))
    cues = []
    for item in _dicts(talk.get("TranscriptSegments")):
        speaker = _speaker(_dict(item.get("ParticipantDetails")).get("ParticipantRole"))
        begin, end = _seconds(item.get("BeginAudioTime")), _seconds(item.get("EndAudioTime"))
        cues.append(Cue(speaker, _words(item.get("Content")), begin, end))
    for item in _dicts(_dict(value).get("Transcript")):
        begin, end = _seconds(item.get("BeginOffsetMillis"), 0.001), _seconds(item.get("EndOffsetMillis"), 0.001)
        speaker = _speaker(item.get("ParticipantRole") or item.get("ParticipantId"))
        cues.append(Cue(speaker, _words(item.get("Content")), begin, end))
    return [cue for cue in cues if cue.text]


def _azure(value: Any) -> list[Cue]:
    cues: list[Cue] = []
    channels: list[Any] = []
    for item in _dicts(_dict(value).get("recognizedPhrases")):
        best = next(iter(_dicts(item.get("nBest"))), {})
        begin, length = _seconds(item.get("offset")), _seconds(item.get("duration"))
        if begin is None:
            begin, length = _seconds(item.get("offsetInTicks"), 1e-7), _seconds(item.get("durationInTicks"), 1e-7)
        end = begin + length if begin is not None and length is not None else None
        text = _words(best.get("display") or best.get("lexical"))
        cues.append(Cue(_speaker(item.get("speaker")), text, begin, end))
        channels.append(item.get("channel"))
    for item in _dicts(_dict(value).get("phrases")):
        begin, length = (
            _seconds(item.get("offsetMilliseconds"), 0.001),
            _seconds(item.get("durationMilliseconds"), 0.001),
        )
        end = begin + length if begin is not None and length is not None else None
        cues.append(Cue(_speaker(item.get("speaker")), _words(item.get("text")), begin, end))
        channels.append(item.get("channel"))
    cues = _by_channel(cues, channels)
    return sorted((cue for cue in cues if cue.text), key=lambda cue: cue.begin or 0.0)


def _by_channel(cues: Sequence[Cue], channels: Sequence[Any]) -> list[Cue]:
    """Cues of several channels, a speaker each, where the recogniser names no speakers; else as they are."""
    if any(cue.speaker for cue in cues) or len({str(one) for one in channels if one is not None}) < 2:
        return list(cues)
    return [
        replace(
            cue,
            speaker="" if one is None else f"Channel {one:g}" if isinstance(one, float) else f"Channel {str(one)[:40]}",
        )
        for cue, one in zip(cues, channels, strict=True)
    ]


def _google(value: Any) -> list[Cue]:
    response = _dict(_dict(value).get("response")) or _dict(value)
    found = _dicts(response.get("results"))
    results = [next(iter(_dicts(one.get("alternatives"))), {}) for one in found]
    spoken = [[_google_word(word) for word in _dicts(one.get("words"))] for one in results]
    if spoken and any(word.speaker for word in spoken[-1]) and len(spoken[-1]) >= sum(map(len, spoken[:-1])):
        return _turns(spoken[-1])  # the last result holds every word with its speaker
    cues: list[Cue] = []
    channels: list[Any] = []
    for whole, one, words in zip(found, results, spoken, strict=True):
        if any(word.speaker for word in words):
            cues += _turns(words)
        elif text := _words(one.get("transcript")):
            last = _seconds(_first(whole, ("resultEndTime", "resultEndOffset")))
            begin, end = (words[0].begin, words[-1].end) if words else (None, last)
            cues.append(Cue("", text, begin, end))
        channels += [_first(whole, ("channelTag", "channel_tag"))] * (len(cues) - len(channels))
    return _by_channel(cues, channels)


def _google_word(word: dict[str, Any]) -> _Word:
    tag = word.get("speakerLabel") or word.get("speakerTag") or word.get("speaker_tag")
    begin = _seconds(_first(word, ("startTime", "startOffset", "start_time")))
    end = _seconds(_first(word, ("endTime", "endOffset", "end_time")))
    return _Word(_speaker(tag), _words(word.get("word")), begin, end)


def _deepgram(value: Any) -> list[Cue]:
    results = _dict(_dict(value).get("results"))
    if utterances := _dicts(results.get("utterances")):
        return [cue for one in utterances if (cue := _generic_cue(one, 1.0)).text]
    cues: list[Cue] = []
    for channel in _dicts(results.get("channels")):
        best = next(iter(_dicts(channel.get("alternatives"))), {})
        words = [
            _Word(_speaker(word.get("speaker")), text, _seconds(word.get("start")), _seconds(word.get("end")))
            for word in _dicts(best.get("words"))
            if (text := _words(word.get("punctuated_word") or word.get("word")))
        ]
        cues += _turns(words) if words else [Cue("", text)] if (text := _words(best.get("transcript"))) else []
    return cues


def _rev(value: Any) -> list[Cue]:
    names = {str(one.get("id")): _words(one.get("name")) for one in _dicts(_dict(value).get("speakers"))}
    cues = []
    for monologue in _dicts(_dict(value).get("monologues")):
        elements = _dicts(monologue.get("elements"))
        text = "".join(str(one.get("value", ""))[:200] for one in elements)
        times = [_seconds(one.get(key)) for one in elements for key in ("ts", "end_ts") if one.get(key) is not None]
        who = monologue.get("speaker")
        name = names.get(str(who)) or _words(_dict(monologue.get("speaker_info")).get("display_name")) or _speaker(who)
        cues.append(Cue(name, _words(text), times[0] if times else None, times[-1] if times else None))
    return [cue for cue in cues if cue.text]


def _utterances(value: Any) -> list[Cue]:
    """AssemblyAI: times in milliseconds."""
    return [cue for one in _dicts(_dict(value).get("utterances")) if (cue := _generic_cue(one, 0.001)).text]


def _generic(value: Any) -> list[Cue]:
    """The longest list of objects that hold words, at most three levels down."""
    best: list[Cue] = []
    for items in _lists_within(value, 3):
        cues = [cue for item in items if (cue := _generic_cue(item, 1.0)).text]
        if len(cues) > len(best) and 2 * len(cues) >= len(items):
            best = cues
    return best or _one_text(value)


def _one_text(value: Any) -> list[Cue]:
    text = next((t for key in ("text", "transcript") if (t := _dict(value).get(key)) and isinstance(t, str)), "")
    return [Cue("", _words(line)) for line in str(text).split("\n") if line.strip()]


def _lists_within(value: Any, depth: int) -> Iterator[list[dict[str, Any]]]:
    if items := _dicts(value):
        yield items
    if depth:
        for inner in value.values() if isinstance(value, dict) else _list(value)[:50]:
            yield from _lists_within(inner, depth - 1)


def _generic_cue(item: dict[str, Any], unit: float) -> Cue:
    text = next((_words(item[key]) for key in _TEXT_KEYS if isinstance(item.get(key), str)), "")
    begin, end = (_seconds(_first(item, keys), unit) for keys in (_BEGIN_KEYS, _END_KEYS))
    return Cue(_speaker(_first(item, _SPEAKER_KEYS)), text, begin, end)


def _unsure(value: Any) -> int:
    """How many words have a confidence below _UNSURE."""
    count, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            sure = next((one[k] for k in ("confidence", "score", "probability") if k in one), None)
            has_word = any(isinstance(one.get(k), str) for k in ("word", "content", "value"))
            if has_word and sure is not None and (known := _seconds(sure)) is not None:
                count += known < _UNSURE
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return count


_FORMS: tuple[tuple[str, Callable[[Any], list[Cue]]], ...] = (
    ("whisper-json", _whisper),
    ("whisper.cpp-json", _whisper_cpp),
    ("aws-json", _health_scribe),
    ("aws-json", _aws),
    ("azure-json", _azure),
    ("deepgram-json", _deepgram),
    ("google-json", _google),
    ("rev-json", _rev),
    ("assemblyai-json", _utterances),
    ("json", _generic),
)
