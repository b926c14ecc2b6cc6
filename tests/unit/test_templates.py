"""Templates as data: what ships, what a clinic may write, where a mistake is, and how own ones are kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edge.contract import template_check, template_files, templates
from edge.errors import InputError, UsageError

SECTION = "[[sections]]\nkey='k'\ntitle='t'\ninstruction='i'\n"


def test_shipped_templates() -> None:
    assert set(templates.shipped()) == {"visit", "soap", "mts", "sections"}
    assert [s.key for s in templates.get("visit").sections] == [
        "subjective",
        "objective_exam",
        "objective_results",
        "assessment_and_plan",
    ]
    assert len(templates.section_keys()) == 20
    assert len(templates.names()) == 23


def test_one_section_by_key_whatever_its_case() -> None:
    template = templates.get("section:genhx")
    assert template.name == "section:GENHX"
    assert len(template.sections) == 1


@pytest.mark.parametrize("name", ["nope", "section:NOPE", "mts", "../visit", "", "section:"])
def test_unknown_names_list_what_is_known(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="visit"):
        templates.get(name, tmp_path)


def test_a_clinics_own_template_is_called_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "knee.toml").write_text('name="other"\n[[sections]]\nkey="k"\ntitle="Knee"\ninstruction="Write it."\n')
    template = templates.get("knee", tmp_path)
    assert template.sections[0].title == "Knee"
    assert template.name == "knee"


MISTAKES = [
    ("[[", 1, "NAME = VALUE"),
    ("name='x'", 1, "no [[sections]]"),
    ("[[sections]]\nkey='k'\ntitle='t'", 1, "needs instruction"),
    (SECTION + "max_tokens=0", 5, "max_tokens is 0"),
    (SECTION + "contradicted = 'never'", 5, "contradicted must be one of again, out, shown"),
    (SECTION + "\n# why\ncolour='red'", 7, "'colour'"),
    (SECTION + "\n" + SECTION, 7, "same key"),
    ('title = "Knee\n' + SECTION, 1, "not closed"),
    ("title = \n" + SECTION, 1, "A value must"),
    ("title = 'a' b\n" + SECTION, 1, "NAME = VALUE"),
    ("title = 'a'\ntitle = 'b'\n" + SECTION, 2, "twice"),
    ("titel = 'a'\n" + SECTION, 1, "'titel'"),
    ("title = [1]\n" + SECTION, 1, "must be a text"),
    (SECTION + "headings = ['A', 1]", 5, "list of texts"),
    (SECTION + "max_tokens = true", 5, "whole number"),
    (SECTION + "max_tokens = 'many'", 5, "whole number"),
    (SECTION + "headings = ['A'", 5, "bracket"),
    ("title = '''\n[[sections]]\nx = 1\n'''\n" + SECTION + "x = 1", 9, "'x'"),
    (SECTION.replace("'i'", repr("i" * 4001)), 4, "longer than 4000"),
    ("".join(SECTION.replace("'k'", f"'k{n}'") for n in range(41)), 161, "more than 40"),
    ("#" * (template_check.MAX_CHARACTERS + 1), 1, "longer than"),
    ("title = 'a'\n[sections]\nkey = 1", 1, "no [[sections]]"),
]


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES)
def test_a_mistake_is_said_with_its_line(text: str, line: int, says: str) -> None:
    found = template_check.problem(text)
    assert found is not None
    assert says in found.sentence()
    assert found.line == line
    with pytest.raises(UsageError, match=f"own.toml, line {line}: "):
        templates.parse_template(text, "own.toml")


def test_every_sentence_is_met() -> None:
    assert len(MISTAKES) == 22
    met = {found.kind for text, *_ in MISTAKES if (found := template_check.problem(text))}
    rare = {found.kind for text in ('title = "\\z"',) if (found := template_check.problem(text))}
    assert met | rare == set(template_check.SENTENCES)


def test_what_is_shipped_comes_back_from_its_text() -> None:
    for name in templates.names():
        template = templates.get(name)
        again = templates.parse_template(template_files.as_toml(template), name)
        assert (again.title, again.sections) == (template.title, template.sections)


def test_what_is_done_with_contradicted_statements_comes_back_from_its_text() -> None:
    section = templates.SectionSpec("k", "K", "Write it.", contradicted="again")
    text = template_files.as_toml(templates.Template("own", "Own", (section,)))
    assert templates.parse_template(text, "own").sections == (section,)


def test_hostile_text_is_text(tmp_path: Path) -> None:
    hostile = '\x1b]0;x\x07" \\ [red] \u202e\U000e0041'
    section = templates.SectionSpec("k", hostile, hostile, (hostile,))
    text = template_files.as_toml(templates.Template("own", hostile, (section,)))
    template_files.save("own", text, tmp_path)
    shown = templates.get("own", tmp_path)
    for one in (shown.title, shown.sections[0].title, shown.sections[0].instruction, *shown.sections[0].headings):
        assert "\x1b" not in one
        assert "\u202e" not in one
        assert "[red]" in one


def test_own_templates_are_listed_saved_and_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    assert len(template_files.listed(folder)) == 23
    name = template_files.name_for("Knee, left", folder)
    path = template_files.save(name, SECTION, folder)
    assert (name, path.name) == ("knee-left", "knee-left.toml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert template_files.name_for("Knee, LEFT!", folder) == "knee-left-2"
    assert template_files.name_for("Visit", folder) == "visit-2"
    (folder / "broken.toml").write_text("[[")
    (folder / "binary.toml").write_bytes(b"\xff\xfe")
    (folder / "a b\x1b.toml").write_text(SECTION)
    (folder / "visit.toml").write_text(SECTION)
    found = {one.name: one for one in template_files.listed(folder) if one.own}
    assert set(found) == {"knee-left", "broken", "binary"}
    assert found["knee-left"].problem is None
    assert found["broken"].problem is not None
    assert found["binary"].problem is not None
    assert len(templates.get("visit", folder).sections) == 4
    template_files.delete("knee-left", folder)
    assert not path.exists()
    for wrong in ("knee-left", "visit", "../x"):
        with pytest.raises(UsageError):
            template_files.delete(wrong, folder)
    assert sorted(p.name for p in folder.iterdir()) == ["a b\x1b.toml", "binary.toml", "broken.toml", "visit.toml"]


@pytest.mark.parametrize(("name", "text"), [("visit", SECTION), ("../x", SECTION), ("", SECTION), ("own", "[[")])
def test_what_is_wrong_is_not_saved(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        template_files.save(name, text, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_fails_leaves_the_old_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template_files.save("own", SECTION, tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.disk.os.replace", full)
    with pytest.raises(InputError, match="No space left"):
        template_files.save("own", SECTION + "max_tokens = 5", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["own.toml"]
    assert (tmp_path / "own.toml").read_text() == SECTION


def test_a_title_needs_a_letter(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="letter"):
        template_files.name_for("…", tmp_path)


DEVICES = ["con", "NUL", "aux", "prn", *(f"{port}{n}" for port in ("com", "LPT") for n in range(1, 10)), "com¹"]


@pytest.mark.parametrize("name", DEVICES)
def test_no_name_that_windows_keeps_for_a_device(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be called") as refused:
        template_files.save(name, SECTION, tmp_path)
    assert "Windows" in refused.value.why
    assert list(tmp_path.iterdir()) == []


def test_a_free_name_is_no_devices_and_no_taken_one(tmp_path: Path) -> None:
    free = template_files.name_for("Con", tmp_path)
    assert free == "con-2"
    assert template_files.save(free, SECTION, tmp_path).read_text() == SECTION
    assert template_files.name_for("Console", tmp_path) == "console"
    assert template_files.name_for("Com 1", tmp_path) == "com-1"
    assert template_files.name_for("Knee", tmp_path, taken=("knee", "knee-2")) == "knee-3"
