"""A clinic's own fields as a TOML file: a name, and for each field key, label, definition and examples.

name = "oncology"
[[fields]]
key = "tumour_stage"
label = "Tumour stage"
definition = "TNM stage and grade as written"
examples = ["pT2 pN1 M0, G3"]
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.contract import schemas
from edge.errors import UsageError
from edge.text import one_line

MAX_BYTES = 200_000
MAX_FIELDS = 40

_Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f\"]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Field(_Strict):
    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    label: str = Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")
    definition: _Line
    examples: list[_Line] = Field(default=[], max_length=10)


class _File(_Strict):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    fields: list[_Field] = Field(min_length=1, max_length=MAX_FIELDS)

    @model_validator(mode="after")
    def _once(self) -> _File:
        if len({one.key for one in self.fields}) != len(self.fields):
            raise ValueError("a key is given twice")
        return self


def load(path: Path) -> schemas.FieldSchema:
    """The schema of a file. Raises UsageError, which says the place that is wrong."""
    shown = one_line(str(path), 200)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise UsageError(f"{shown} is too large.", f"A schema has at most {MAX_BYTES:,} bytes.", "")
        read = _File.model_validate(tomllib.loads(raw.decode("utf-8")))
    except OSError as error:
        raise UsageError(f"{shown} cannot be read.", error.strerror or "", "Check the path.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"{shown} is not a TOML file.", one_line(str(error), 200), "docs/extraction.md shows one."
        ) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise UsageError(
            f"{shown} is not a schema: {where or 'its top'}.",
            one_line(first["msg"], 200),
            "docs/extraction.md shows one.",
        ) from None
    fields = tuple(
        schemas.Field(one.key, one_line(one.label), one_line(one.definition), tuple(map(one_line, one.examples)))
        for one in read.fields
    )
    return schemas.FieldSchema(read.name, fields)
