"""What travels inside a bundle for people and for inventories: a model card (Markdown) and a CycloneDX 1.6 ML-BOM.

Both are made from the manifest alone, so they cannot say other than it; they are listed in it and covered by its
signature.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from edge.contract.manifest import DataSet, Figure, FileEntry, Manifest, ModelKind, canonical
from edge.contract.phrases import PHRASES

CARD, BOM = "model-card.md", "ml-bom.json"
_ABOUT = {CARD, BOM}
# What training counts of them (training/scoring.py); "loop" in percent of the answers, the others a document.
_FAILURES = {
    "loop": "Counted: {value} % of its answers were cut because it repeated itself",
    "unsupported.numbers": "Counted: {value} numbers a document that its source does not have",
    "unsupported.doses": "Counted: {value} doses a document that its source does not have",
    "unsupported.drugs": "Counted: {value} drugs a document that its source does not have",
}
_ABOUT_KIND: dict[ModelKind, str] = {
    "decoder": "A language model that drafts clinical notes and extracts fields, inside edgescribe on one machine.",
    "encoder-decoder": "An encoder-decoder, exported as a baseline for evaluation. It is not run on laptops.",
    "embedding": "An encoder that turns texts into vectors, to compare them inside edgescribe on one machine.",
    "tagger": "An encoder that finds spans of a text and what they are, inside edgescribe on one machine.",
    "coding": "An encoder and the vectors of a classification, that find candidate codes on one machine.",
}


_WRITER_FAILURES = (
    "- It can state what the conversation does not: invented ages, doses, findings. Check every statement.",
    "- It can leave out what was said, confuse speakers, and miss a negation or a side (left, right).",
    "- It can repeat itself until it is stopped; a note stopped so is marked incomplete.",
)
_TAGGER_FAILURES = (
    "- It can pass over what was said and mark what matters to nobody; its spans can be too short or too long.",
    "- It can take a denial for a finding, a relative for the patient, a plan for what was done. Read the quotes.",
)
_CODING_FAILURES = (
    "- It finds what is near in meaning: siblings, the other side, the more or less exact code. Read the description.",
    "- It can pass over a code that the words state in another way. Candidates only: a clinician decides on each.",
)
_TASKS: dict[ModelKind, str] = {"tagger": "token-classification", "coding": "sentence-similarity"}
_KNOWN: dict[ModelKind, tuple[str, ...]] = {"tagger": _TAGGER_FAILURES, "coding": _CODING_FAILURES}


def described(manifest: Manifest) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest with card and ML-BOM listed, and the bytes of the two."""
    weights = [entry for entry in manifest.files if entry.path not in _ABOUT]
    bare = manifest.model_copy(update={"files": weights})
    made = {CARD: _card(bare).encode(), BOM: canonical(_bom(bare))}
    about = [FileEntry(path=name, size=len(raw), sha256=hashlib.sha256(raw).hexdigest()) for name, raw in made.items()]
    return bare.model_copy(update={"files": sorted([*weights, *about], key=lambda entry: entry.path)}), made


def _card(manifest: Manifest) -> str:
    base, adapter = manifest.base, manifest.adapter
    lines = [
        f"# {manifest.name}",
        "",
        _ABOUT_KIND[manifest.kind],
        "",
        "## What it is",
        "",
        f"- Base: {base.name} ({base.origin}), {base.parameters:,} parameters, {base.licence}, sha256 `{base.sha256}`",
        f"- Adapter: {f'{adapter.name}, sha256 `{adapter.sha256}`' if adapter else 'none'}",
        f"- Weights: {manifest.precision} for {manifest.runtime} {manifest.runtime_version}; {_options(manifest)}",
        f"- Prompt: format {manifest.prompt_format}, version {manifest.prompt_version}; "
        f"context {manifest.context_length:,} tokens",
        *_languages(manifest),
        *_phrases(manifest),
        f"- Built by: {manifest.built_by}",
        "",
        "## Intended use",
        "",
        *_use(manifest),
        "",
        "## Data",
        "",
        *([_data_line(entry) for entry in manifest.data] or ["Not trained further; see the base model's own card."]),
        "",
        "## Figures",
        "",
        *(_figures(manifest.figures) or ["None were recorded with the adapter."]),
        "",
        "## Against its source in float32",
        "",
        *_gate(manifest),
        "",
        "## Known failures",
        "",
        *_KNOWN.get(manifest.kind, _WRITER_FAILURES),
        *_counted(manifest.figures),
        "- It was not tested on languages, accents or specialties beyond the sets named above.",
        "",
    ]
    return "\n".join(lines)


def _counted(figures: list[Figure]) -> list[str]:
    """Known failures that were counted, in the words of _FAILURES."""
    return [
        f"- {_FAILURES[f.metric].format(value=f'{f.value:.2g}')} ({f.dataset}, {f.documents} documents)."
        for f in figures
        if f.metric in _FAILURES and f.value > 0
    ]


def _options(manifest: Manifest) -> str:
    return (
        ", ".join(f"{key} {value}" for key, value in sorted(manifest.options.items()) if key != "languages")
        or "no options"
    )


def _languages(manifest: Manifest) -> list[str]:
    found = str(manifest.options.get("languages", ""))
    return [f"- Languages of the notes that it was trained to write: {', '.join(found.split())}"] if found else []


def _phrases(manifest: Manifest) -> list[str]:
    if all(entry.path != PHRASES for entry in manifest.files):
        return []
    return [f"- {PHRASES}: what follows what in notes of public and synthetic sets; it saves time and shapes no text"]


def _use(manifest: Manifest) -> list[str]:
    if manifest.purpose == "test":
        return ["For tests of the software only. It is too weak to face a clinician or a patient's record."]
    return [
        "Drafts that a clinician reads, corrects and signs. Not a medical device; not for decisions, triage, dosing or",
        "any use without a clinician who was present. It runs without a network.",
    ]


def _data_line(entry: DataSet) -> str:
    return f"- {entry.name}: {entry.role}, {entry.records:,} records, {entry.licence}"


def _figures(figures: list[Figure]) -> list[str]:
    if not figures:
        return []
    rows = ["| measure | value | 95 % interval | set | documents |", "|---|---|---|---|---|"]
    for f in figures:
        interval = f"{f.low:.3g} to {f.high:.3g}" if f.low is not None and f.high is not None else "not computed"
        rows.append(f"| {f.metric} | {f.value:.3g} | {interval} | {f.dataset} | {f.documents} |")
    return rows


def _gate(manifest: Manifest) -> list[str]:
    if manifest.gate is None:
        return ["Not compared yet (`edgescribe-export verify`)."]
    gate = manifest.gate
    rows = ["| measure | value | limit |", "|---|---|---|"]
    rows += [f"| {name} | {value:g} | {gate.limits.get(name, '')} |" for name, value in sorted(gate.measured.items())]
    verdict = "passed" if gate.passed else f"**not passed**; accepted because: {gate.accepted or '(not accepted)'}"
    return [*rows, "", f"Gate: {verdict}."]


def _bom(manifest: Manifest) -> dict[str, Any]:
    model, base = f"model:{manifest.name}", f"base:{manifest.base.name}"
    parts = [_base(manifest, base), _runtime(manifest)]
    if manifest.adapter is not None:
        parts.append(_component("machine-learning-model", manifest.adapter.name, "adapter", manifest.adapter.sha256))
    parts += [
        {**_component("data", entry.name, f"data:{entry.name}"), "licenses": _licence(entry.licence)}
        for entry in manifest.data
    ]
    parts += [_component("file", entry.path, f"file:{entry.path}", entry.sha256) for entry in manifest.files]
    identity = hashlib.sha256(canonical(manifest.model_dump(mode="json"))).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, identity)}",
        "version": 1,
        "metadata": {"component": _model(manifest, model)},
        "components": parts,
        "dependencies": [{"ref": model, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _limitation(manifest: Manifest) -> str:
    if manifest.kind == "tagger":
        return "It can pass over what its source holds, and mark what matters to nobody."
    if manifest.kind == "coding":
        return "It finds entries that are near in meaning, which need not be the right ones."
    return "It can state what its source does not, and leave out what it does."


def _component(kind: str, name: str, ref: str, sha256: str = "") -> dict[str, Any]:
    hashes = {"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {}
    return {"type": kind, "name": name, "bom-ref": ref, **hashes}


def _licence(text: str) -> list[dict[str, Any]]:
    return [{"license": {"name": text}}]


def _base(manifest: Manifest, ref: str) -> dict[str, Any]:
    base = manifest.base
    return {
        **_component("machine-learning-model", base.name, ref, base.sha256),
        "publisher": base.origin.split("/", maxsplit=1)[0],
        "licenses": _licence(base.licence),
    }


def _runtime(manifest: Manifest) -> dict[str, Any]:
    onnx = "onnxruntime-genai" if manifest.kind == "decoder" else "onnxruntime"
    name = onnx if manifest.runtime == "onnx" else "mlx-lm"
    return {**_component("library", name, f"library:{name}"), "version": manifest.runtime_version}


def _model(manifest: Manifest, ref: str) -> dict[str, Any]:
    metrics = [
        {"type": f"{f.metric} on {f.dataset}", "value": f"{f.value:g}"}
        | (
            {"confidenceInterval": {"lowerBound": f"{f.low:g}", "upperBound": f"{f.high:g}"}}
            if f.low is not None and f.high is not None
            else {}
        )
        for f in manifest.figures
    ]
    card = {
        "modelParameters": {
            "task": _TASKS.get(manifest.kind, "text-generation"),
            "architectureFamily": "transformer encoder" if manifest.kind in _TASKS else "transformer decoder",
            "datasets": [{"ref": f"data:{entry.name}"} for entry in manifest.data if entry.role == "training"],
        },
        "quantitativeAnalysis": {"performanceMetrics": metrics},
        "considerations": {
            "useCases": _use(manifest)[:1],
            "technicalLimitations": [_limitation(manifest)],
        },
    }
    return {
        **_component("machine-learning-model", manifest.name, ref),
        "version": manifest.precision,
        "modelCard": card,
    }
