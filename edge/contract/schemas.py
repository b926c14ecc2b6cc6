"""The 15 fields of a structured clinical report, and the JSON text that a model is trained to write.

Field set: ELMTEX (Guluzade et al., 2025). Keys, order and definitions are part of every trained adapter:
a change here is a new PROMPT_VERSION (edge.contract.prompts).
"""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One field: key in JSON, label for people, definition and examples for the prompt."""

    key: str
    label: str
    definition: str
    examples: tuple[str, ...] = ()


FIELDS: tuple[Field, ...] = (
    Field("life_style", "Lifestyle", "smoking, alcohol, exercise, diet, occupation"),
    Field("family_history", "Family history", "conditions that run in the family"),
    Field("social_history", "Social history", "marital status, household, support, illicit drugs"),
    Field(
        "medical_surgical_history", "Medical and surgical history", "past and chronic conditions, surgeries, allergies"
    ),
    Field("signs_symptoms", "Signs and symptoms", "symptoms present or denied, vital signs, exam findings"),
    Field("comorbidities", "Comorbidities", "conditions beside the main problem"),
    Field(
        "diagnostic_techniques_procedures", "Diagnostic procedures", "tests and imaging done or ordered, with finding"
    ),
    Field("diagnosis", "Diagnosis", "diagnoses of this visit"),
    Field("laboratory_values", "Laboratory values", "laboratory results with values"),
    Field("pathology", "Pathology", "biopsy, histology or cytology findings"),
    Field("pharmacological_therapy", "Medication", "drugs with dose, route, frequency and changes"),
    Field("interventional_therapy", "Interventions", "procedures, physical therapy, diet and activity advice"),
    Field("patient_outcome_assessment", "Outcome and follow-up", "status now, response to treatment, follow-up plans"),
    Field("age", "Age", "as written"),
    Field("gender", "Gender", "as written"),
)
FIELD_KEYS: tuple[str, ...] = tuple(field.key for field in FIELDS)


@dataclass(frozen=True)
class FieldSchema:
    """A set of fields that reports are read for. name: "elmtex", or that of a clinic's own file."""

    name: str
    fields: tuple[Field, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys in order."""
        return tuple(field.key for field in self.fields)


ELMTEX = FieldSchema("elmtex", FIELDS)


def extraction_target(fields: dict[str, list[str]]) -> str:
    """Render fields as the exact JSON text that a model is trained to write (compact, keys in FIELDS order)."""
    return json.dumps({key: fields.get(key, []) for key in FIELD_KEYS}, ensure_ascii=False, separators=(", ", ": "))


def extraction_instruction(schema: FieldSchema = ELMTEX) -> str:
    """The instruction of the extraction task, the same in training and inference."""
    lines = "\n".join(f"{field.key}: {field.definition}{_shown(field.examples)}" for field in schema.fields)
    return (
        "Extract the facts of this report as JSON with these keys, each a list of short phrases copied word for word "
        f"from the report, an empty list where there is none.\n{lines}"
    )


def naive_instruction(schema: FieldSchema = ELMTEX) -> str:
    """The keys alone: the naive strategy of the ELMTEX study."""
    return f"Extract the medical facts of this report as JSON with these keys: {', '.join(schema.keys)}."


def _shown(examples: tuple[str, ...]) -> str:
    return f" (for example: {'; '.join(examples)})" if examples else ""
