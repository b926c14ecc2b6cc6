"""The one prompt renderer, called by training and inference alike: [system][document][instruction].

The document comes before the task, so its KV cache is computed once and shared by every instruction (docs/adr/0003).
A prompt is a list of segments: plain text is encoded with special tokens switched off, so a patient who types
"<|im_end|>" types nine characters; only Control segments become control tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edge.contract.transcript import Transcript, Turn
from edge.contract.transcript import render as render_transcript
from edge.errors import BundleError
from edge.text import one_line

PROMPT_VERSION = "2"  # what this program's training writes
# What a model is asked of the turns that a single statement of a note stands on.
STATEMENT_INSTRUCTION = "Write the sentence of the clinical note that states this."
ABSENT = "None."  # what a model writes for a section that the document says nothing about

SYSTEM = (
    "You are a clinical scribe. Use only facts that the document states. "
    "Copy numbers, doses and drug names exactly. Add nothing."
)


@dataclass(frozen=True)
class Control:
    """A control token, one entry of the vocabulary, never made from a document's text."""

    token: str


Segment = str | Control


class TokenizerLike(Protocol):
    """What the renderer needs of a `tokenizers.Tokenizer` (see load_tokenizer)."""

    def encode(self, sequence: str, *, add_special_tokens: bool = ...) -> Any: ...
    def token_to_id(self, token: str) -> int | None: ...


@dataclass(frozen=True)
class ChatFormat:
    """Control sequences of one model family. end is the token that closes every answer, trained and generated."""

    name: str
    start: tuple[Segment, ...]
    before_document: tuple[Segment, ...]
    after_instruction: tuple[Segment, ...]
    end: Control


@dataclass(frozen=True)
class Prompt:
    """document: segments shared by all instructions of one document. instruction: what follows them."""

    document: tuple[Segment, ...]
    instruction: tuple[Segment, ...]


def _header(role: str) -> tuple[Segment, ...]:
    return (Control("<|start_header_id|>"), role, Control("<|end_header_id|>"), "\n\n")


_IM_START, _IM_END, _EOT = Control("<|im_start|>"), Control("<|im_end|>"), Control("<|eot_id|>")
_THINK, _THOUGHT, _PHI_END = Control("<think>"), Control("</think>"), Control("<|end|>")
_TURN, _TURN_END = Control("<start_of_turn>"), Control("<end_of_turn>")

FORMATS: dict[str, ChatFormat] = {
    f.name: f
    for f in (
        ChatFormat(
            "chatml",
            (_IM_START, "system\n"),
            (_IM_END, "\n", _IM_START, "user\n"),
            (_IM_END, "\n", _IM_START, "assistant\n"),
            _IM_END,
        ),
        # Qwen3 and SmolLM3 think before they answer unless the answer begins with a thought that is empty.
        ChatFormat(
            "chatml-no-thinking",
            (_IM_START, "system\n"),
            (_IM_END, "\n", _IM_START, "user\n"),
            (_IM_END, "\n", _IM_START, "assistant\n", _THINK, "\n\n", _THOUGHT, "\n\n"),
            _IM_END,
        ),
        ChatFormat(
            "phi4",
            (Control("<|system|>"),),
            (_PHI_END, Control("<|user|>")),
            (_PHI_END, Control("<|assistant|>")),
            _PHI_END,
        ),
        ChatFormat(
            "llama3",
            (Control("<|begin_of_text|>"), *_header("system")),
            (_EOT, *_header("user")),
            (_EOT, *_header("assistant")),
            _EOT,
        ),
        ChatFormat("mistral", (Control("<s>"), Control("[INST]")), ("\n\n",), (Control("[/INST]"),), Control("</s>")),
        ChatFormat(
            "gemma",
            (Control("<bos>"), _TURN, "user\n"),
            ("\n\n",),
            (_TURN_END, "\n", _TURN, "model\n"),
            _TURN_END,
        ),
        # Bases without a chat template of their own (Meditron): headings in plain text.
        ChatFormat(
            "plain", (Control("<s>"), "### System:\n"), ("\n\n### User:\n",), ("\n\n### Answer:\n",), Control("</s>")
        ),
    )
}


def chat_format(name: str) -> ChatFormat:
    """Return the format of that name; raises BundleError if this program does not know it."""
    try:
        return FORMATS[name]
    except KeyError:
        raise BundleError(
            f"The prompt format {name!r} is unknown.",
            f"This program knows {', '.join(sorted(FORMATS))}.",
            "Use a bundle made for this version of edgescribe.",
        ) from None


def render(format_name: str, document: str, instruction: str, version: str = PROMPT_VERSION) -> Prompt:
    """Return the prompt for one document and one instruction. Both are plain text, already sanitised.

    version: of the bundle that will read it. Raises BundleError for one that this program does not know.
    """
    return renderer(version).render(chat_format(format_name), document, instruction)


def _render_document_first(f: ChatFormat, document: str, instruction: str) -> Prompt:
    return Prompt(
        document=(*f.start, SYSTEM, *f.before_document, document, "\n\n"),
        instruction=(instruction, *f.after_instruction),
    )


@dataclass(frozen=True)
class Renderer:
    """The prompts of one version. Never changed once a bundle was made with it: a change is a new version beside it.

    own_turns: whether its models were taught to write a section from the turns that it stands on.
    """

    render: Callable[[ChatFormat, str, str], Prompt]
    own_turns: bool


RENDERERS: dict[str, Renderer] = {
    "1": Renderer(_render_document_first, own_turns=False),
    "2": Renderer(_render_document_first, own_turns=True),
}


def renderer(version: str) -> Renderer:
    """The prompts of a version; raises BundleError for one that this program does not know (a newer one)."""
    try:
        return RENDERERS[version]
    except KeyError:
        raise BundleError(
            f"The bundle was made for prompt version {one_line(version, 20)!r}.",
            f"This program knows {', '.join(RENDERERS)}.",
            "Update edgescribe, or use a bundle made for it.",
        ) from None


def with_earlier(instruction: str, earlier: str) -> str:
    """The instruction of a section that is shown the sections written before it; as it stands where there are none."""
    return f"Written so far:\n{earlier.strip()}\n\n{instruction}" if earlier.strip() else instruction


def encode(segments: Iterable[Segment], tokenizer: TokenizerLike) -> list[int]:
    """Token ids of segments. Adjacent text is encoded in one piece; raises BundleError for an unknown control token."""
    ids: list[int] = []
    text = ""
    for segment in (*segments, None):
        if isinstance(segment, str):
            text += segment
            continue
        if text:
            ids.extend(tokenizer.encode(text, add_special_tokens=False).ids)
            text = ""
        if segment is not None:
            token_id = tokenizer.token_to_id(segment.token)
            if token_id is None:
                raise BundleError(
                    f"The tokenizer has no token {segment.token!r}.",
                    "It does not belong to this prompt format.",
                    "Build the bundle again with `edgescribe-export`.",
                )
            ids.append(token_id)
    return ids


def load_tokenizer(path: Path) -> Any:
    """Load tokenizer.json so that text can never turn into a control token. Returns a tokenizers.Tokenizer."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def conversation_document(rendered_transcript: str) -> str:
    """Document part of a prompt about a conversation (text from edge.contract.transcript.render)."""
    return f"Conversation:\n{rendered_transcript}"


def turns_document(turns: Sequence[Turn], chosen: Iterable[int]) -> str:
    """Document part of a prompt about some turns of a conversation, by their numbers from 0, in the order spoken.

    The same words for training and inference: a section is taught and asked from the turns that it stands on.
    """
    numbers = sorted(set(chosen))
    return conversation_document(render_transcript(Transcript("", tuple(turns[number] for number in numbers))))


def report_document(report: str) -> str:
    """Document part of a prompt about a written report or note."""
    return f"Report:\n{report.strip()}"
