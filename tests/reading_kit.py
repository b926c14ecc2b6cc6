"""A conversation written in every format that clinics have, as the programs named write it."""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Callable, Sequence

Said = Sequence[tuple[str, str]]  # speaker, words
Writer = Callable[[Said], bytes]

VISIT: list[tuple[str, str]] = [
    ("Doctor", "Good morning Mr. Bell, what brings you in today?"),
    ("Patient", "I've had this cough for nine days, and since Sunday I bring up green stuff."),
    ("Doctor", "Any fever or trouble breathing?"),
    ("Patient", "I had 38.4 on Monday night. I get short of breath on the stairs, but no chest pain."),
    ("Doctor", "Do you smoke?"),
    ("Patient", "I stopped in 2015."),
    ("Doctor", "Which medicines do you take?"),
    ("Patient", "Metformin 500 milligrams twice a day for my sugar, and ramipril 5 milligrams in the morning."),
]


def timed(said: Said) -> list[tuple[float, float, str, str]]:
    """(begin, end, speaker, words): 0.6 seconds between two turns, as people leave."""
    at, found = 3.2, []
    for speaker, words in said:
        end = at + 0.6 + len(words) / 15
        found.append((round(at, 3), round(end, 3), speaker, words))
        at = end + 0.6
    return found


def clock(seconds: float, point: str = ".") -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{thousandths:03}"


def lines(form: str, between: str = "\n") -> Writer:
    """A line a turn; form: with {who}, {said}, {at}, {n}."""

    def write(said: Said) -> bytes:
        rows = [
            form.format(who=who, said=words, at=clock(begin)[:8], n=n + 1, WHO=who.upper())
            for n, (begin, _, who, words) in enumerate(timed(said))
        ]
        return (between.join(rows) + "\n").encode()

    return write


def srt(said: Said) -> bytes:
    rows = [
        f"{n}\n{clock(a, ',')} --> {clock(b, ',')}\n{who}: {words}\n"
        for n, (a, b, who, words) in enumerate(timed(said), 1)
    ]
    return "\n".join(rows).encode()


def vtt_zoom(said: Said) -> bytes:
    rows = [f"{n}\n{clock(a)} --> {clock(b)}\n{who}: {words}\n" for n, (a, b, who, words) in enumerate(timed(said), 1)]
    return ("WEBVTT\n\n" + "\n".join(rows)).encode()


def zoom_pieces(said: Said) -> bytes:
    """Captions that are cut anywhere within a sentence, the name before each."""
    rows = []
    for a, b, who, words in timed(said):
        parts, half = words.split(), len(words.split()) // 2
        middle = (a + b) / 2
        rows.append(f"{clock(a)} --> {clock(middle)}\n{who}: {' '.join(parts[:half])}\n")
        rows.append(f"{clock(middle)} --> {clock(b)}\n{who}: {' '.join(parts[half:])}\n")
    return ("WEBVTT\n\n" + "\n".join(rows)).encode()


def teams_pasted(said: Said) -> bytes:
    """Copied from the transcript pane, with what a screen reader is told."""
    rows = []
    for a, _, who, words in timed(said):
        at = f"{int(a) // 60} minutes {int(a) % 60} seconds"
        rows.append(f"{who}\n{at}{int(a) // 60}:{int(a) % 60:02}\n{who} {at}\n{words}")
    return "\n".join(rows).encode()


def vtt_teams(said: Said) -> bytes:
    rows = []
    for n, (a, b, who, words) in enumerate(timed(said)):
        parts = words.split()
        half = len(parts) // 2
        spoken = " ".join(parts[:half]) + ("\n" if half else "") + " ".join(parts[half:])
        rows.append(
            f"6f1c0a52-1111/{n}-0\n{clock(a)} --> {clock(b)}\n<v {who}>{html.escape(spoken, quote=False)}</v>\n"
        )
    return ("WEBVTT\n\nSTYLE\n::cue { color: red }\n\nNOTE recorded\n\n" + "\n".join(rows)).encode()


def vtt_highlight(said: Said) -> bytes:
    rows = []
    for a, b, who, words in timed(said):
        parts = words.split()
        step = (b - a) / len(parts)
        for n in range(len(parts)):
            shown = " ".join(f"<u>{html.escape(w)}</u>" if i == n else html.escape(w) for i, w in enumerate(parts))
            rows.append(f"{clock(a + n * step)} --> {clock(a + (n + 1) * step - 0.02)}\n[{who}]: {shown}\n")
    return ("WEBVTT\n\n" + "\n".join(rows)).encode()


def otter(said: Said) -> bytes:
    rows = [f"{who}  {int(a) // 60}:{int(a) % 60:02}  \n{words}\n" for a, _, who, words in timed(said)]
    return ("\n".join(rows) + "\nTranscribed by https://otter.ai\n").encode()


def rev(said: Said) -> bytes:
    return "\n".join(f"{who} ({clock(a)[3:8]}):\n{words}\n" for a, _, who, words in timed(said)).encode()


def tsv(said: Said) -> bytes:
    rows = [f"{round(a * 1000)}\t{round(b * 1000)}\t{who}\t{words}" for a, b, who, words in timed(said)]
    return ("start\tend\tspeaker\ttext\n" + "\n".join(rows) + "\n").encode()


def textgrid(said: Said, encoding: str = "utf-8", short: bool = False, only: str = "") -> bytes:
    people = [only] if only else list(dict.fromkeys(who for who, _ in said))
    last = timed(said)[-1][1] + 1
    out = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    out += ["0", f"{last}", "<exists>", f"{len(people)}"] if short else [
        "xmin = 0 ", f"xmax = {last} ", "tiers? <exists> ", f"size = {len(people)} ", "item []: "
    ]  # fmt: skip
    for number, person in enumerate(people, 1):
        spans = [(a, b, words.replace('"', '""')) for a, b, who, words in timed(said) if who == person]
        if short:
            out += ['"IntervalTier"', f'"{person}"', "0", f"{last}", f"{len(spans)}"]
            out += [line for a, b, words in spans for line in (f"{a}", f"{b}", f'"{words}"')]
            continue
        out += [f"    item [{number}]:", '        class = "IntervalTier" ', f'        name = "{person}" ']
        out += ["        xmin = 0 ", f"        xmax = {last} ", f"        intervals: size = {len(spans)} "]
        for n, (a, b, words) in enumerate(spans, 1):
            out += [f"        intervals [{n}]:", f"            xmin = {a} ", f"            xmax = {b} "]
            out += [f'            text = "{words}" ']
    text = "\n".join(out) + "\n"
    return ("\ufeff" + text).encode(encoding) if encoding.startswith("utf-16") else text.encode(encoding)


def as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _words(a: float, b: float, words: str) -> list[tuple[str, float, float]]:
    parts = words.split()
    step = (b - a) / len(parts)
    return [(word, round(a + n * step, 3), round(a + (n + 1) * step, 3)) for n, word in enumerate(parts)]


def whisperx(said: Said) -> bytes:
    segments = [
        {
            "start": a, "end": b, "text": f" {words}", "speaker": who,
            "words": [{"word": w, "start": s, "end": e, "speaker": who} for w, s, e in _words(a, b, words)],
        }
        for a, b, who, words in timed(said)
    ]  # fmt: skip
    return as_json({"segments": segments, "language": "en"})


def whisper_cpp(said: Said) -> bytes:
    rows = [
        {"timestamps": {"from": clock(a, ","), "to": clock(b, ",")}, "text": f" {words}", "speaker": who}
        for a, b, who, words in timed(said)
    ]
    return as_json({"systeminfo": "", "transcription": rows})


def aws(said: Said) -> bytes:
    items, segments = [], []
    for a, b, who, words in timed(said):
        spoken = _words(a, b, words)
        labels = [{"speaker_label": who, "start_time": f"{s}", "end_time": f"{e}"} for _, s, e in spoken]
        segments.append({"start_time": f"{a}", "end_time": f"{b}", "speaker_label": who, "items": labels})
        for word, s, e in spoken:
            core = word.rstrip(".,?!")
            content = [{"confidence": "0.9", "content": core or word}]
            items.append({"start_time": f"{s}", "end_time": f"{e}", "alternatives": content, "type": "pronunciation"})
            if core and core != word:
                mark = [{"confidence": "0.0", "content": word[len(core) :]}]
                items.append({"alternatives": mark, "type": "punctuation"})
    results = {"transcripts": [{"transcript": ""}], "speaker_labels": {"segments": segments}, "items": items}
    return as_json({"jobName": "visit", "results": results, "status": "COMPLETED"})


def azure(said: Said) -> bytes:
    rows = [
        {
            "offset": f"PT{a}S", "duration": f"PT{round(b - a, 3)}S", "speaker": who,
            "nBest": [{"confidence": 0.9, "lexical": words.lower(), "display": words}],
        }
        for a, b, who, words in timed(said)
    ]  # fmt: skip
    return as_json({"combinedRecognizedPhrases": [], "recognizedPhrases": rows})


def google(said: Said) -> bytes:
    spoken = [
        {"startTime": f"{s}s", "endTime": f"{e}s", "word": word, "speakerLabel": who}
        for a, b, who, words in timed(said)
        for word, s, e in _words(a, b, words)
    ]
    first = {"alternatives": [{"transcript": "all", "words": [{"word": "all"}]}]}
    return as_json({"results": [first, {"alternatives": [{"words": spoken}]}]})


def rev_json(said: Said) -> bytes:
    rows = []
    for a, b, who, words in timed(said):
        elements: list[dict[str, object]] = []
        for word, s, e in _words(a, b, words):
            elements += [{"type": "punct", "value": " "}] if elements else []
            elements.append({"type": "text", "value": word, "ts": s, "end_ts": e, "confidence": 0.9})
        rows.append({"speaker": who, "elements": elements})
    return as_json({"monologues": rows})


def assembly(said: Said) -> bytes:
    rows = [
        {"speaker": who, "text": words, "start": round(a * 1000), "end": round(b * 1000)}
        for a, b, who, words in timed(said)
    ]
    return as_json({"text": "all", "utterances": rows})


def service(said: Said) -> bytes:
    """A transcription service that nobody has heard of."""
    return as_json({"data": {"items": [{"speaker": who, "content": words} for who, words in said]}})


def docx(said: Said) -> bytes:
    body = "".join(
        f"<w:p><w:pPr><w:tabs><w:tab w:val='left'/></w:tabs></w:pPr><w:r><w:t>{who}: </w:t></w:r><w:r><w:t>"
        f"{html.escape(words)}</w:t></w:r><w:del><w:r><w:delText>struck out</w:delText></w:r></w:del></w:p>"
        for who, words in said
    )
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return zipped({"word/document.xml": f"<w:document xmlns:w='{space}'><w:body>{body}</w:body></w:document>"})


def odt(said: Said) -> bytes:
    rows = "".join(f"<t:p>{who}:<t:s/>{html.escape(words)}</t:p>" for who, words in said)
    space = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    return zipped({"content.xml": f"<o:c xmlns:o='urn:o' xmlns:t='{space}'><o:text>{rows}</o:text></o:c>"})


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name, text)
    return out.getvalue()


def rtf(said: Said) -> bytes:
    def escaped(words: str) -> str:
        plain = words.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
        units = plain.encode("utf-16-le")
        codes = [int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2)]
        return "".join(chr(c) if c < 128 else f"\\u{c if c < 32768 else c - 65536}?" for c in codes)

    rows = "".join(f"\\pard {who}: {escaped(words)}\\par\n" for who, words in said)
    return ("{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\*\\generator none;}" + rows + "}").encode("ascii")


def page_html(said: Said) -> bytes:
    rows = "".join(f"<p><b>{who}:</b> {html.escape(words)}</p>\n" for who, words in said)
    return f"<!DOCTYPE html><html><head><title>Visit</title></head><body>{rows}</body></html>".encode()


def pdf(rows: Sequence[str]) -> bytes:
    """A page of lines in a standard font (characters of Latin-1)."""
    escaped = [row.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for row in rows]
    shown = "".join(f"({row}) Tj T*\n" for row in escaped)
    stream = f"BT /F1 9 Tf 12 TL 40 800 Td\n{shown}ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + table + end


LABELLED: dict[str, Writer] = {
    "colon": lines("{who}: {said}"),
    "brackets": lines("[{who}] {said}"),
    "brackets and colon": lines("[{who}]: {said}"),
    "capitals": lines("{WHO}: {said}"),
    "no space": lines("{who}:{said}"),
    "bold": lines("**{who}:** {said}", "\n\n"),
    "bold without colon inside": lines("**{who}**: {said}"),
    "list": lines("- {who}: {said}"),
    "stars": lines("* {who}: {said}"),
    "quotation": lines("> {who}: {said}"),
    "numbers": lines("{n}. {who}: {said}"),
    "full-width colon": lines("{who}：{said}"),
    "arrow": lines("{who} -> {said}"),
    "arrow sign": lines("{who} → {said}"),
    "dash": lines("{who} – {said}"),
    "round brackets": lines("({who}) {said}"),
    "angle brackets": lines("<{who}> {said}"),
    "headings": lines("## {who}\n\n{said}", "\n\n"),
    "bold headings": lines("**{who}**\n{said}", "\n\n"),
    "label on its line": lines("{who}:\n{said}", "\n\n"),
    "time before": lines("[{at}] {who}: {said}"),
    "bare time before": lines("{at} {who}: {said}"),
    "time in brackets after": lines("{who} ({at}): {said}"),
    "time and name on a line": lines("{at} {who}\n{said}", "\n\n"),
    "name and time in square brackets": lines("[{who}] {at}\n{said}", "\n\n"),
    "time under the name": lines("{who}\n{at}\n{said}", "\n\n"),
    "seconds in brackets": lambda said: "".join(
        f"[{a:.3f}s - {b:.3f}s] {who}: {words}\n" for a, b, who, words in timed(said)
    ).encode(),
    "marked in broadcasts": lines(">> {WHO}: {said}"),
    "italics": lines("*{who}:* {said}", "\n\n"),
    "long dash": lines("{who} — {said}"),
    "windows lines": lines("{who}: {said}", "\r\n"),
    "otter": otter,
    "rev": rev,
    "srt": srt,
    "zoom": vtt_zoom,
    "teams": vtt_teams,
    "highlighted": vtt_highlight,
    "tsv": tsv,
    "textgrid": textgrid,
    "textgrid short": lambda said: textgrid(said, short=True),
    "textgrid utf-16": lambda said: textgrid(said, "utf-16-be"),
    "whisperx": whisperx,
    "whisper.cpp": whisper_cpp,
    "aws": aws,
    "azure": azure,
    "google": google,
    "rev json": rev_json,
    "assemblyai": assembly,
    "unknown service": service,
    "docx": docx,
    "odt": odt,
    "rtf": rtf,
    "html": page_html,
}
# Rarer ones, read by what is known of the two speakers: a role, a name as names are written.
RARE: dict[str, Writer] = {
    "two angles": lines("{who}>> {said}"),
    "two spaces": lines("{WHO}   {said}"),
    "quotation marks": lines('"{who}": {said}'),
    "curly brackets": lines("{{{who}}} {said}"),
    "corner brackets": lines("【{who}】{said}"),
    "equals sign": lines("{who} = {said}"),
    "semicolon": lines("{who}; {said}"),
    "at sign": lines("@{who}: {said}"),
    "a picture before": lines("\N{MICROSCOPE} {who}: {said}"),
    "columns of a table": lines("{at}\t{who}\t{said}"),
    "name, time, words in columns": lines("{who}    {at}    {said}"),
    "srt with voices": lambda said: vtt_teams(said).split(b"recorded\n\n")[1],
    "zoom in pieces": zoom_pieces,
    "teams as screen readers hear it": teams_pasted,
    "teams, pasted with its title": lambda said: (
        b"Meeting transcript\nMarch 11, 2026\n2m 30s\n\nA. Vance started transcription\n\n"
        + otter(said).replace(b"Transcribed by https://otter.ai", b"A. Vance stopped transcription")
    ),
    "noscribe": lambda said: b"visit.wav\nTranscribed with noScribe 0.6\n\n" + lines("[{at}] {who}: {said}")(said),
}
