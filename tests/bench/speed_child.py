"""One measurement in a process of its own: `python -m tests.bench.speed_child JSON`, prints one JSON object.

Both engines read the same tokens and write as many. Ours is the product's decoder over a build; llama.cpp is driven by
llama-cpp-python, a prompt in batches of 512, tokens by its own greedy sampler. Seconds are wall time; "cpu" is the
processor time of the whole process, for machines that do other work as well.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

from edge import paths
from edge.contract import prompts, templates
from edge.contract.events import Finished, Reading, Text
from edge.contract.note import EncounterNote
from edge.contract.phrases import parse_phrases
from edge.engine.base import Request
from edge.engine.constrain import GrammarCompiler, extraction_grammar
from edge.engine.decode import Decoder
from edge.engine.memory import give_back
from edge.engine.onnx import OnnxModel
from export.speed import peak_bytes

FORMAT, LIMIT, FIELDS = "chatml", 60, ("age", "signs_symptoms", "pharmacological_therapy")


class Clock:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def read(self) -> list[float]:
        return [time.perf_counter() - self._start[0], time.process_time() - self._start[1]]


def add(total: list[float], more: list[float]) -> list[float]:
    return [a + b for a, b in zip(total, more, strict=True)]


def conversation(tokenizer: Any, tokens: int) -> str:
    """A conversation of so many tokens: of ACI-Bench where the data folder has it, else the sample, again and again."""
    data = Path(os.environ.get("EDGESCRIBE_DATA", "")) / "aci_bench" / "valid.csv"
    if os.environ.get("EDGESCRIBE_DATA") and data.is_file():
        with data.open(encoding="utf-8") as file:
            lines = [line for row in csv.DictReader(file) for line in row["dialogue"].splitlines()]
    else:
        sample = paths.checkout() / "edge" / "samples" / "visit.txt"  # type: ignore[operator]
        lines = sample.read_text(encoding="utf-8").splitlines() * (tokens // 100)
    taken: list[str] = []
    count = 0
    while count < tokens:
        taken.append(lines[len(taken)])
        count += len(tokenizer.encode(taken[-1] + "\n").ids)
    return "\n".join(taken)


class Ours:
    """The product's decoder over a build of export.to_onnx. phrases: the adapter's table, as a bundle has it."""

    def __init__(self, folder: Path, threads: int, phrases: str | None = None) -> None:
        clock = Clock()
        self._model = OnnxModel(folder, threads)
        self.tokenizer = prompts.load_tokenizer(folder / "tokenizer.json")
        give_back()
        self.loaded = clock.read()
        config = json.loads((folder / "genai_config.json").read_text(encoding="utf-8"))["model"]
        ends, size = config["eos_token_id"], self.tokenizer.get_vocab_size()
        kept: list[GrammarCompiler] = []

        def compiler() -> GrammarCompiler:
            kept or kept.append(GrammarCompiler(self.tokenizer, size, ends))
            return kept[0]

        compiler()
        table = None
        if phrases is not None:
            with (folder / "tokenizer.json").open("rb") as file:  # as the product does, without holding the file
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            table = parse_phrases(Path(phrases).read_bytes(), digest)
        length = config["context_length"]
        self.decoder = Decoder(self.tokenizer, self._model.open_session, compiler, ends, length, phrases=table)

    def ahead(self, document: str) -> int:
        return self.decoder.read_ahead(prompts.render(FORMAT, document, ""), Event())

    def ask(self, document: str, instruction: str, grammar: str | None = None, limit: int = LIMIT) -> dict[str, Any]:
        """Seconds of reading, to the first word and of writing; what was read and written."""
        prompt = prompts.render(FORMAT, document, instruction)
        clock, writing = Clock(), None
        read = first = [0.0, 0.0]
        for event in self.decoder.run(Request(prompt, limit, grammar), Event()):
            if isinstance(event, Reading) and event.done == event.total:
                read, writing = clock.read(), Clock()
            if isinstance(event, Text) and first[0] == 0.0:
                first = clock.read()
            if isinstance(event, Finished):
                assert writing is not None
                ids = prompts.encode((*prompt.document, *prompt.instruction), self.tokenizer)
                return {
                    "read": read, "first": first, "write": writing.read(), "tokens": event.generated_tokens, "ids": ids,
                    "anew": event.prompt_tokens - event.reused_tokens, "passes": event.passes,
                }  # fmt: skip
        raise RuntimeError("no end")


def ours(job: dict[str, Any]) -> dict[str, Any]:
    """A visit: the conversation is read, then four sections and three fields are written."""
    engine = Ours(Path(job["folder"]), job["threads"], job.get("phrases"))
    text = prompts.conversation_document(conversation(engine.tokenizer, job["tokens"]))
    clock = Clock()
    count = engine.ahead(text)
    found: dict[str, Any] = {"loaded": engine.loaded, "read": clock.read(), "read_tokens": count}
    sections = templates.get("visit").sections
    answers = [engine.ask(text, section.instruction) for section in sections]
    fields = engine.ask(text, "Extract the fields.", extraction_grammar(text, FIELDS), 100)
    found |= {"first": answers[0]["first"], "visit": clock.read(), "write": [0.0, 0.0], "write_tokens": 0, "passes": 0}
    for one in answers:
        found["write"] = add(found["write"], one["write"])
        found["write_tokens"] += one["tokens"]
        found["passes"] += one["passes"] - -(-one["anew"] // 64)
    found |= {"fields": fields["write"], "fields_tokens": fields["tokens"], "fields_passes": fields["passes"] - 1}
    engine.decoder._drafting.guesses = False
    plain = [engine.ask(text, section.instruction) for section in sections[:2]]
    found |= {"plain": [0.0, 0.0], "plain_tokens": sum(one["tokens"] for one in plain)}
    for one in plain:
        found["plain"] = add(found["plain"], one["write"])
    found["asked"] = [[one["ids"], one["tokens"]] for one in (*answers, fields)]
    return found | {"peak": peak_bytes()}


def facts(job: dict[str, Any]) -> dict[str, Any]:
    """The same visit in the default form of a note: found, worded, checked, and fields, by a tagger alone."""
    from edge.composing.notes import Composed, compose
    from edge.contract.bundle import verify_bundle
    from edge.evidence.review import review_sections
    from edge.extraction.tagged import extract
    from edge.reading.conversation import parse
    from edge.tagging.facts import find_facts
    from edge.tagging.onnx import open_tagger

    text = conversation(prompts.load_tokenizer(Path(job["folder"]) / "tokenizer.json"), job["tokens"])
    clock = Clock()
    tagger = open_tagger(verify_bundle(Path(job["tagger"])), job["threads"])
    loaded, clock = clock.read(), Clock()
    transcript = parse(text)
    found = find_facts(tagger, transcript)
    events = compose(None, transcript, found, "facts", template=templates.get("visit"))
    note = next(event.note for event in events if isinstance(event, Composed))
    first = clock.read()
    review_sections(EncounterNote("visit", note.sections), transcript, lambda _: found)
    fields = extract(tagger, text)
    done = {"loaded": loaded, "note": first, "visit": clock.read(), "words": len(note.text.split())}
    return done | {"entries": sum(len(one) for one in fields.fields.values()), "peak": peak_bytes()}


def llama(job: dict[str, Any]) -> dict[str, Any]:
    """The same prompts and as many tokens: each prompt after the part that it shares with the one before."""
    from llama_cpp import Llama

    clock = Clock()
    size = max(len(ids) + tokens for ids, tokens in job["asked"]) + 64
    model = Llama(
        job["gguf"], n_ctx=size, n_threads=job["threads"], n_threads_batch=job["threads"], n_batch=512, verbose=False
    )
    found: dict[str, Any] = {"loaded": clock.read(), "write": [0.0, 0.0], "write_tokens": 0}
    first = job["asked"][0][0]
    clock = Clock()
    model.eval(first[: job["read_tokens"]])
    found |= {"read": clock.read(), "read_tokens": job["read_tokens"]}
    held = first[: job["read_tokens"]]
    for ids, tokens in job["asked"]:
        shared = next((n for n, (a, b) in enumerate(zip(held, ids, strict=False)) if a != b), min(len(held), len(ids)))
        model.n_tokens = shared
        model._ctx.kv_cache_seq_rm(-1, shared, -1)
        model.eval(ids[shared:])
        writing = Clock()
        for _ in range(tokens):
            model.eval([model.sample(temp=0.0)])
        found["write"], found["write_tokens"] = add(found["write"], writing.read()), found["write_tokens"] + tokens
        held = list(ids)
    found["visit"] = clock.read()
    again = sum(len(ids) for ids, _ in job["asked"]) / job["read_tokens"]  # every prompt read anew, at the rate above
    found["anew"] = add([again * one for one in found["read"]], found["write"])
    return found | {"peak": peak_bytes()}


def curve(job: dict[str, Any]) -> dict[str, Any]:
    """Processor seconds of reading up to each length, and of a token written there."""
    engine = Ours(Path(job["folder"]), job["threads"])
    top = max(job["lengths"])
    ids = engine.tokenizer.encode(conversation(engine.tokenizer, top + 200)).ids[: top + 64]
    session = engine._model.open_session(top + 64)
    read, written, at = {}, {}, 0
    clock = Clock()
    spent = [0.0, 0.0]
    for length in job["lengths"]:
        while at < length:
            session.append(ids[at : min(at + 64, length)])
            at = min(at + 64, length)
        read[length] = [a - b for a, b in zip(clock.read(), spent, strict=True)]
        step = Clock()
        for _ in range(8):
            session.append([ids[at]])
        taken = step.read()
        written[length] = [one / 8 for one in taken]
        spent = add(spent, taken)
        session.rewind(at)
    return {"read": read, "write": written, "peak": peak_bytes()}


def many(job: dict[str, Any]) -> dict[str, Any]:
    """Notes of 1 to so many sections about one conversation, then 1 to so many encounters one after the other."""
    engine = Ours(Path(job["folder"]), job["threads"])
    lines = conversation(engine.tokenizer, 500 * job["encounters"]).splitlines()
    share = len(lines) // job["encounters"]
    texts = ["\n".join(lines[share * n : share * (n + 1)]) for n in range(job["encounters"])]
    asked = [section.instruction for section in templates.get("visit").sections]
    found: dict[str, Any] = {"sections": {}, "queue": {}}
    clock, anew, passes = Clock(), 0, 0
    for number in range(1, job["sections"] + 1):
        one = engine.ask(texts[0], f"{asked[number % len(asked)]} Part {number}.", limit=24)
        anew, passes = anew + one["anew"], passes + one["passes"]
        found["sections"][number] = [*clock.read(), anew, passes]
    engine.decoder.forget()
    clock, anew, passes = Clock(), 0, 0
    for number, text in enumerate(texts, start=1):
        for instruction in asked[:2]:
            one = engine.ask(text, instruction, limit=24)
            anew, passes = anew + one["anew"], passes + one["passes"]
        found["queue"][number] = [*clock.read(), anew, passes]
    return found


def main() -> int:
    """Run the job named on the command line."""
    job = json.loads(sys.argv[1] if len(sys.argv) > 1 else sys.stdin.read())
    print(json.dumps({"ours": ours, "facts": facts, "llama": llama, "curve": curve, "many": many}[job["job"]](job)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
