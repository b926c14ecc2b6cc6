"""The catalogue of codes: import of both formats, look-up, search, and what hostile files meet."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from importlib import resources
from itertools import islice
from pathlib import Path

import pytest
from catalogue_kit import catalogue_folder

from edge.coding.candidates import Coder
from edge.errors import CatalogueError, UsageError
from edge.terminology.catalogue import Catalogue, spelled
from edge.terminology.index import build, open_catalogue, open_edition
from edge.terminology.lexical import match_query
from edge.terminology.tabular import read_edition

TABULAR = b"""<?xml version="1.0"?><ICD10CM.tabular><version>2099</version><chapter><name>19</name>
<desc>Injuries (S00-T88)</desc><section id="S50-S59"><desc>Injuries of the forearm (S50-S59)</desc>
<diag><name>S52</name><desc>Fracture of forearm</desc><excludes1><note>fracture at wrist (S62.-)</note></excludes1>
<diag><name>S52.5</name><desc>Fracture of lower end of radius</desc>
<sevenChrDef><extension char="A">initial encounter</extension>
<extension char="D">subsequent encounter</extension></sevenChrDef>
<diag><name>S52.50</name><desc>Unspecified fracture of lower end of radius</desc>
<inclusionTerm><note>broken wrist (closed)</note></inclusionTerm></diag></diag></diag></section>
<section id="B20"><desc>HIV (B20)</desc><diag><name>B20</name><desc>HIV disease</desc></diag></section></chapter>
</ICD10CM.tabular>"""
CLAML = b"""<?xml version="1.0"?><ClaML version="2.0.0"><Title name="ICD-10-GM" version="2099">x</Title>
<Class code="I" kind="chapter">
<SubClass code="I10-I15"/><Rubric kind="preferred"><Label>Kreislauf</Label></Rubric></Class>
<Class code="I10-I15" kind="block"><SuperClass code="I"/><SubClass code="I10"/>
<Rubric kind="preferred"><Label>Hypertonie</Label></Rubric></Class>
<Class code="I10" kind="category"><SuperClass code="I10-I15"/><SubClass code="I10.0"/>
<Rubric kind="preferred"><Label>Essentielle Hypertonie</Label></Rubric></Class>
<Class code="I10.0" kind="category"><SuperClass code="I10"/>
<Rubric kind="preferred"><Label>Benigne Hypertonie</Label></Rubric>
<Rubric kind="inclusion"><Label>Bluthochdruck</Label></Rubric>
<Rubric kind="exclusion"><Label>Lunge (I27.0)</Label></Rubric></Class></ClaML>"""


def opened(raw: bytes, folder: Path) -> Catalogue:
    source = folder / "codes.xml"
    source.write_bytes(raw)
    return open_edition(source, folder / "index")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    catalogue = open_catalogue(catalogue_folder(tmp_path_factory))
    yield catalogue
    catalogue.close()


def test_tabular_xml_gives_the_codes_that_may_be_reported(tmp_path: Path) -> None:
    catalogue = opened(TABULAR, tmp_path)
    assert catalogue.edition == "ICD-10-CM 2099"
    assert [leaf.code for leaf in catalogue.leaves("S52")] == ["S52.50XA", "S52.50XD"]
    assert catalogue.seventh("S52.50") == {"A": "initial encounter", "D": "subsequent encounter"}
    assert [entry.code for entry in catalogue.ancestors("S52.50XA")] == [
        "S52.50",
        "S52.5",
        "S52",
        "S50-S59",
        "Chapter 19",
    ]
    assert catalogue.notes("S52.50XA", "excludes1", inherited=True) == ["fracture at wrist (S62.-)"]
    hiv = catalogue.get("b20")
    assert hiv is not None
    assert hiv.billable
    assert catalogue.search("broken wrist")[0].code.code == "S52.50"


def test_the_index_is_small_and_a_lookup_takes_under_a_millisecond(
    real: Catalogue, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (index,) = catalogue_folder(tmp_path_factory).glob("*.db")
    assert index.stat().st_size < 60_000_000
    codes = [code for code, _ in islice(real.terms(), 0, None, 100)]
    assert len(codes) > 500
    started = time.process_time()
    assert all(real.get(code) is not None for code in codes)
    assert (time.process_time() - started) / len(codes) < 0.001


def test_claml_is_read_by_the_same_importer(tmp_path: Path) -> None:
    catalogue = opened(CLAML, tmp_path)
    assert catalogue.edition == "ICD-10-GM 2099"
    assert [leaf.code for leaf in catalogue.leaves("I")] == ["I10.0"]
    assert [hit.code.code for hit in catalogue.search("bluthochdruck")] == ["I10.0"]
    assert catalogue.notes("I10.0", "excludes1") == ["Lunge (I27.0)"]


def test_notes_are_coded_against_another_edition(tmp_path: Path) -> None:
    coder = Coder(opened(CLAML, tmp_path))
    found = coder.code("BEURTEILUNG\n\n1. Bluthochdruck.\n2. Diabetes.")
    assert [(one.code.code, one.quote) for one in found.codes] == [("I10.0", "Bluthochdruck")]
    assert found.edition == "ICD-10-GM 2099"


def test_a_cycle_of_classes_ends(tmp_path: Path) -> None:
    raw = b"""<ClaML><Title name="X" version="1"/><Class code="A"><SuperClass code="B"/></Class>
    <Class code="B"><SuperClass code="A"/></Class></ClaML>"""
    assert {entry.code for entry in read_edition(raw)[1]} == {"A", "B"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html/>",
        b"not xml",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ClaML>&b;</ClaML>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><ClaML/>',
        b"<ICD10CM.tabular/>",
        b"<a>" * 100_000,
    ],
)
def test_what_is_no_list_of_codes_is_refused_by_name(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError):
        opened(raw, tmp_path)
    assert not list((tmp_path / "index").glob("*.db"))


def test_an_index_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CatalogueError, match="cannot be built"):
        build(tmp_path / "file" / "x.db", "X", "0", read_edition(TABULAR)[1])


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "x.db"
    broken.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(CatalogueError, match="cannot be read"):
        Catalogue(broken)


def test_the_real_edition_is_whole(real: Catalogue) -> None:
    assert real.edition == "ICD-10-CM 2026"
    entries, billable = real.count()
    assert (entries, billable) == (98_505, 74_719)
    essential = real.get("i10")
    assert essential is not None
    assert essential.billable
    assert real.seventh("S52.521")["A"] == "initial encounter for closed fracture"


def test_every_term_of_the_index_leads_to_a_billable_code(real: Catalogue) -> None:
    text = (resources.files("edge.terminology") / "index_terms.toml").read_text(encoding="utf-8")
    codes = [
        code
        for found in tomllib.loads(text)["terms"].values()
        for code in ([found] if isinstance(found, str) else found)
    ]
    assert len(codes) > 650
    entries = {code: real.get(code) for code in codes}
    assert [code for code, entry in entries.items() if entry is None or not entry.billable] == []


@pytest.mark.parametrize("words", ["", "   ", "()", '"', "the of", "x" * 501])
def test_a_search_without_a_word_is_refused(words: str, real: Catalogue) -> None:
    with pytest.raises(UsageError):
        real.search(words)


@pytest.mark.parametrize("words", ['" OR 1', "text NOT NEAR(a b)", "code:*", "a AND", "knee^", "-pain"])
def test_query_syntax_in_words_is_only_words(words: str, real: Catalogue) -> None:
    real.search(words + " knee")


def test_abbreviations_are_written_out() -> None:
    assert match_query("HTN") == '"hypertension"'


def test_an_unknown_code_names_what_stands_above_it(real: Catalogue) -> None:
    with pytest.raises(UsageError, match=r"I10 exists"):
        real.require("I10.77")


@pytest.mark.parametrize(
    ("given", "wanted"), [("e119", "E11.9"), ("E11.9", "E11.9"), ("s52521a", "S52.521A"), ("E08-E13", "E08-E13")]
)
def test_codes_are_found_in_any_spelling(given: str, wanted: str) -> None:
    assert spelled(given) == wanted
