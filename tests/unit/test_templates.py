"""Templates as data: what ships, what a clinic may write, and errors that say what to correct."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.contract import templates
from edge.errors import UsageError


def test_shipped_templates() -> None:
    assert set(templates.shipped()) == {"visit", "soap", "mts"}
    assert [s.key for s in templates.get("visit").sections] == [
        "subjective",
        "objective_exam",
        "objective_results",
        "assessment_and_plan",
    ]
    assert len(templates.section_keys()) == 20
    assert len(templates.names()) == 22


def test_one_section_by_key_whatever_its_case() -> None:
    template = templates.get("section:genhx")
    assert template.name == "section:GENHX"
    assert len(template.sections) == 1


@pytest.mark.parametrize("name", ["nope", "section:NOPE", "mts", "../visit", "", "section:"])
def test_unknown_names_list_what_is_known(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="visit"):
        templates.get(name, tmp_path)


def test_a_clinics_own_template(tmp_path: Path) -> None:
    (tmp_path / "knee.toml").write_text('[[sections]]\nkey="k"\ntitle="Knee"\ninstruction="Write it."\n')
    assert templates.get("knee", tmp_path).sections[0].title == "Knee"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[", "not valid TOML"),
        ("name='x'", "no \\[\\[sections\\]\\]"),
        ("[[sections]]\nkey='k'\ntitle='t'", "lacks instruction"),
        ("[[sections]]\nkey='k'\ntitle='t'\ninstruction='i'\nmax_tokens=0", "max_tokens is 0"),
        ("[[sections]]\nkey='k'\ntitle='t'\ninstruction='i'\ncolour='red'", "'colour'"),
        ("[[sections]]\nkey='k'\ntitle='t'\ninstruction='i'\n" * 2, "same key"),
    ],
)
def test_malformed_templates(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        templates.parse_template(text, "own.toml")
