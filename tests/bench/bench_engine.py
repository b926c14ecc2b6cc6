"""What the engine costs and gains: our decoder beside the runtime's own loop, a document kept beside one read anew."""

from __future__ import annotations

import sys
import time
from typing import Any

from edge import paths
from edge.contract import document as documents
from edge.contract import prompts, templates
from edge.contract.bundle import verify_bundle
from edge.contract.events import Finished, Text
from edge.contract.transcript import render
from edge.encounters import writing
from edge.engine.base import Request
from edge.engine.loader import load_engine
from edge.reading.conversation import parse

TOKENS = 100


def prompt_of(section: int) -> prompts.Prompt:
    """The sample visit with one section's instruction."""
    sample = documents.read(paths.checkout() / "edge" / "samples" / "visit.txt")  # type: ignore[operator]
    text = prompts.conversation_document(render(parse(sample.text)))
    return prompts.render("chatml", text, templates.get("visit").sections[section].instruction)


def timed(engine: Any, prompt: prompts.Prompt, limit: int = TOKENS) -> tuple[float, float, Finished]:
    """(seconds to the first word, seconds in all, last event)."""
    started = time.perf_counter()
    first = 0.0
    for event in engine.stream(Request(prompt, limit)):
        if isinstance(event, Text) and not first:
            first = time.perf_counter() - started
        if isinstance(event, Finished):
            return first, time.perf_counter() - started, event
    raise RuntimeError("no end")


def runtime_loop(folder: Any, ids: list[int]) -> tuple[float, float]:
    """The runtime's own greedy loop: (seconds to the first token, seconds a token after it)."""
    import numpy as np
    import onnxruntime_genai as og

    model = og.Model(og.Config(str(folder)))
    params = og.GeneratorParams(model)
    params.set_search_options(max_length=len(ids) + TOKENS, do_sample=False)
    generator = og.Generator(model, params)
    started = time.perf_counter()
    generator.append_tokens(np.asarray(ids, dtype=np.int32))
    generator.generate_next_token()
    first = time.perf_counter() - started
    count = 0
    while not generator.is_done() and count < TOKENS - 1:
        generator.generate_next_token()
        count += 1
    return first, (time.perf_counter() - started - first) / max(count, 1)


def main() -> int:
    """Print the table for the bundle named on the command line, or the largest one here."""
    folder, _ = writing.chosen_bundle(sys.argv[1] if len(sys.argv) > 1 else None)
    started = time.perf_counter()
    verify_bundle(folder)
    verified = time.perf_counter() - started
    engine = load_engine(folder, allow_unsigned=True)
    loaded = time.perf_counter() - started - verified
    first, total, last = timed(engine, prompt_of(0))
    rate = (last.generated_tokens - 1) / (total - first)
    print(f"bundle {engine.info.bundle}: verify {verified:.2f} s, load {loaded - verified:.2f} s")
    print(f"first word after {first:.2f} s ({last.prompt_tokens} tokens read, {last.prompt_tokens / first:.0f} tok/s)")
    tokenizer = prompts.load_tokenizer(folder / "tokenizer.json")
    prompt = prompt_of(0)
    theirs, each = runtime_loop(folder, prompts.encode((*prompt.document, *prompt.instruction), tokenizer))
    print(f"reading, ours / the runtime's own loop: {first / theirs:.2f}")
    print(f"writing, ours / the runtime's own loop: {1 / rate / each:.2f} ({rate:.1f} tok/s)")
    anew, reused = 0.0, 0.0
    for section in (1, 2, 3):
        reused += timed(engine, prompt_of(section), 1)[1]
    for section in (1, 2, 3):
        list(engine.stream(Request(prompts.render("chatml", "x", "y"), 1)))  # pushes the document out of the cache
        anew += timed(engine, prompt_of(section), 1)[1]
    print(f"three more sections, document kept / read anew: {reused / anew:.2f} ({reused:.2f} s, {anew:.2f} s)")
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
