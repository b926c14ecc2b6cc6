"""A file in parts: cut, joined by its hashes, and every damage on the way named."""

from pathlib import Path

import pytest

from training import cli, parts


def _cut(tmp_path: Path) -> Path:
    (tmp_path / "base.gguf").write_bytes(bytes(range(100)))
    assert cli.main(["parts", str(tmp_path / "base.gguf"), str(tmp_path / "parts"), "--bytes", "30"]) == 0
    return tmp_path / "parts"


def test_a_file_comes_back_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _cut(tmp_path)
    assert len(list(folder.glob("*.part"))) == 4
    capsys.readouterr()
    assert cli.main(["parts", str(folder), str(tmp_path / "home")]) == 0
    assert Path(capsys.readouterr().out.strip()).read_bytes() == bytes(range(100))
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["base.gguf"]


def test_what_cannot_be_cut_or_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "file").write_bytes(b"x" * 10)
    for source, *options in (["empty"], ["file", "--bytes", "0"], ["file", "--bytes", "-3"]):
        assert cli.main(["parts", str(tmp_path / source), str(tmp_path / "to"), *options]) == 2
        assert "cannot be cut" in capsys.readouterr().err
    assert cli.main(["parts", str(tmp_path / "file"), str(tmp_path / "empty")]) == 9
    assert "cannot be written" in capsys.readouterr().err
    assert cli.main(["parts", str(tmp_path / "none"), str(tmp_path / "to")]) == 2


def test_damage_on_the_way_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _cut(tmp_path)
    part = folder / "0001.part"
    whole = part.read_bytes()
    part.write_bytes(b"x" + whole[1:])
    assert cli.main(["parts", str(folder), str(tmp_path / "home")]) == 9
    assert "0001.part is damaged" in capsys.readouterr().err
    part.unlink()
    assert cli.main(["parts", str(folder), str(tmp_path / "home")]) == 9
    assert "1 part(s) are missing" in capsys.readouterr().err
    assert not (tmp_path / "home" / "base.gguf").exists()


@pytest.mark.parametrize(
    "index",
    [
        "{", "[]", '{"name": "../../up", "sha256": "a", "parts": ["b"]}',
        '{"name": ".hidden", "sha256": "a", "parts": ["b"]}', '{"name": "a", "sha256": "a", "parts": []}',
        '{"name": "a", "sha256": "a", "parts": [1]}',
    ],
)  # fmt: skip
def test_an_index_that_names_no_plain_file_is_refused(
    tmp_path: Path, index: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / parts.INDEX).write_text(index, encoding="utf-8")
    assert cli.main(["parts", str(tmp_path), str(tmp_path / "home")]) == 9
    assert "holds no parts" in capsys.readouterr().err
