"""Pages of an older copy put back without a key: found under a newer chain, and the encounter named.

Every page of a vault is authenticated; its age is vouched for by the audit chain alone (edge.store.states).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaulting import (
    ORIGIN,
    SOURCE,
    cheap_derivation,
    new_vault,
    note,
    open_known,
    passphrase,
    save_extraction,
    save_note,
)

from edge.contract.encounter import State
from edge.contract.note import EncounterNote, Section
from edge.errors import DamagedVaultError, VaultError
from edge.store import chain, states, unlock
from edge.store.files import VaultFiles
from edge.store.unlock import Unlocked
from edge.store.vault import Vault
from tests.security.pages_kit import owners, split
from tests.unit.test_store_upgrade import golden, golden_passphrase

CHAIN = {"chain", "chain_state"}
NAMES = {states.POLICY: "retention policy"}
OF_DOCUMENTS = {"generation", "revision"}


class TwoCopies:
    """A vault at two times: `old` and `new` are its pages, `owner` the table of each page of the newer copy."""

    def __init__(self, folder: Path, before: Callable[[Vault], Any], after: Callable[[Vault, Any], None]) -> None:
        with new_vault(folder) as vault:
            made = before(vault)
            self.older = shown(vault)
        self.paths = vault.paths
        self.old = split(vault.paths.database.read_bytes())
        with Vault.open(vault.paths.database, passphrase()) as vault:
            after(vault, made)
        self.made = dict(made) if isinstance(made, dict) else made
        self.unlocked: Unlocked = unlock.unlock(vault.paths, passphrase())
        self.new = split(vault.paths.database.read_bytes())
        self.owner = owners(vault.paths.database, self.unlocked.keys.database)
        with self.open() as vault:
            self.truth = shown(vault), scanned(vault)

    def changed(self) -> list[int]:
        """Numbers of pages that differ between the copies and are not the chain's."""
        both = min(len(self.old), len(self.new))
        return [n for n in range(1, both + 1)
                if self.old[n - 1] != self.new[n - 1] and self.owner.get(n) not in CHAIN]  # fmt: skip

    def put_back(self, numbers: list[int]) -> None:
        """The newer file with these pages of the older one."""
        pages = list(self.new)
        for number in numbers:
            pages[number - 1] = self.old[number - 1]
        for log in self.paths.wal:
            log.unlink(missing_ok=True)
        self.paths.database.write_bytes(b"".join(pages))

    def open(self) -> Vault:
        return open_known(self.paths, self.unlocked)


def shown(vault: Vault, known: Iterable[str] = ()) -> dict[str, str]:
    """All that is covered, by record, as the program reads it. known: ids to ask for beside those listed."""
    with contextlib.suppress(VaultError):  # a list that can't be read hides what is in it
        known = {*known, *(summary.id for summary in vault.encounters.list(1000))}
    found = {code: _shown(vault, code) for code in known}
    found[states.POLICY] = repr(sorted(vault.retention.policy().items()))
    return {code: text for code, text in found.items() if text}


def _shown(vault: Vault, code: str) -> str:
    if not vault.session.query("SELECT 1 FROM encounter WHERE code = ?", (code,)):
        return ""
    try:
        record = vault.encounters.peek(code)
        ids = [d.id for d in record.documents]
        held = [[vault.edits.content_at(i, r.number).to_json() for r in vault.edits.history(i)] for i in ids]
        signed = [repr(one) for one in vault.edits.signatures(code)]
    except VaultError:
        return "refused"  # damage that shows by itself
    texts = [(s.name, s.text, s.kind) for s in record.sources]
    return json.dumps([repr(record.summary), record.summary.title, texts, held, signed])


def scanned(vault: Vault) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every covered table, read without any index, by record."""
    query = vault.session.query
    found: dict[str, list[tuple[Any, ...]]] = {}
    codes = dict(query("SELECT id, code FROM encounter NOT INDEXED"))
    holders = dict(query("SELECT id, encounter FROM document NOT INDEXED"))
    for table in ("encounter", "source", "document", "generation", "revision", "signature"):
        for row in query(f"SELECT * FROM {table} NOT INDEXED"):
            holder = row[0] if table == "encounter" else holders.get(row[1]) if table in OF_DOCUMENTS else row[1]
            found.setdefault(codes.get(holder, "orphan"), []).append((table, *row))
    return found


def several(vault: Vault) -> dict[str, str]:
    """Encounters in every state, large and small. Returns their ids by what will be done to them."""
    names = ["sign", "hold", "delete", "amend", "edit", "rename", "still", "lift"]
    made = {name: note(vault, f"{name}: 10 mg " * (40 if i % 2 else 900), name).id for i, name in enumerate(names)}
    vault.encounters.hold(made["lift"])
    vault.edits.sign(made["amend"], "Dr. A")
    vault.edits.save(vault.edits.document_of(made["sign"]), content("10 mg"))
    return made


def content(text: str) -> EncounterNote:
    return EncounterNote("soap", (Section("PLAN", text),))


def later(vault: Vault, made: dict[str, str]) -> None:
    """A change of every kind."""
    vault.edits.save(vault.edits.document_of(made["sign"]), content("99 mg"))
    vault.edits.sign(made["sign"], "Dr. A")
    vault.encounters.hold(made["hold"])
    vault.encounters.hold(made["lift"], on=False)
    vault.encounters.delete(made["delete"])
    vault.edits.amend(made["amend"])
    vault.edits.autosave(vault.edits.document_of(made["edit"]), content("typed"))
    vault.edits.commit(vault.edits.document_of(made["edit"]))
    vault.encounters.rename(made["rename"], "another title")
    save_extraction(vault, "", SOURCE, {"age": []}, ORIGIN, encounter=made["rename"])
    vault.retention.set_policy({State.DRAFT: 30})
    made["new"] = note(vault, "new: 5 mg " * 500, "new").id


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        cheap_derivation(patch)
        yield TwoCopies(tmp_path_factory.mktemp("two"), several, later)


def test_the_newer_copy_is_sound(copies: TwoCopies) -> None:
    copies.put_back([])
    with copies.open() as vault:
        assert vault.verify() == []
        assert shown(vault) == copies.truth[0]
    assert len(copies.changed()) > 20
    assert {copies.owner.get(n) for n in copies.changed()} > {"encounter", "revision", "document", "covered"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_older_pages_that_touch_what_is_covered_are_found_and_named(copies: TwoCopies, data: st.DataObject) -> None:
    tables = sorted({copies.owner.get(n, "free") for n in copies.changed()})
    whole = data.draw(st.sets(st.sampled_from(tables)))  # all pages of some tables, and any others
    single = data.draw(st.sets(st.sampled_from(copies.changed())))
    numbers = [n for n in copies.changed() if n in single or copies.owner.get(n, "free") in whole]
    copies.put_back(numbers)
    check(copies)


def check(copies: TwoCopies) -> bool:
    """Whether it opened; in any encounter, what differs is found, and named if it opened."""
    try:
        vault = copies.open()
    except DamagedVaultError:
        return False
    with vault:
        found = "\n".join(vault.verify())
        pairs = [(copies.truth[0], shown(vault, copies.truth[0].keys() - {states.POLICY}))]
        if "quick_check" not in found:  # a broken tree has rows that no reader comes to
            try:
                pairs.append((copies.truth[1], scanned(vault)))
            except VaultError:  # half a character, where pages of one text are of two ages
                assert found
        for truth, seen in pairs:
            for key in truth.keys() | seen.keys():
                if truth.get(key) != seen.get(key):
                    assert found  # rows that belong to no record have none to name
                    assert key == "orphan" or NAMES.get(key, key) in found, (key, found)
    return True


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_with_pages_of_the_chain_too_only_a_whole_older_state_passes(copies: TwoCopies, data: st.DataObject) -> None:
    """What is sound is one of the two copies, whole: which one, only a head kept elsewhere can tell."""
    every = [n for n in range(1, len(copies.old) + 1) if copies.old[n - 1] != copies.new[n - 1]]
    tables = sorted({copies.owner.get(n, "free") for n in every})
    whole = data.draw(st.sets(st.sampled_from(tables)) | st.just(set(tables)))
    copies.put_back([n for n in every if copies.owner.get(n, "free") in whole])
    try:
        vault = copies.open()
    except DamagedVaultError:
        return
    with vault:
        if not vault.verify():
            seen = shown(vault)
            assert seen in (copies.truth[0], copies.older)


TABLES_OF_A_RECORD = {"encounter", "document", "revision", "signature", "draft"}


def pages_of(copies: TwoCopies, tables: set[str]) -> list[int]:
    """Changed pages of these tables and of their indexes."""

    def near(owner: str) -> bool:
        return any(
            owner == table or owner.startswith((f"sqlite_autoindex_{table}_", f"{table}_by_")) for table in tables
        )

    return [n for n in copies.changed() if near(copies.owner.get(n, "free"))]


@pytest.mark.parametrize("cache_too", [False, True], ids=["content", "content and the table of digests"])
def test_a_signed_note_put_back_is_named_and_never_used(copies: TwoCopies, cache_too: bool, tmp_path: Path) -> None:
    code, held = copies.made["sign"], copies.made["hold"]
    copies.put_back(pages_of(copies, TABLES_OF_A_RECORD | ({"covered"} if cache_too else set())))
    with copies.open() as vault:
        assert vault.encounters.summary(code).state is State.EDITED  # what the pages say now
        changes: list[Callable[[], object]] = [
            lambda: vault.encounters.get(code),
            lambda: vault.encounters.peek(code),
            lambda: vault.edits.sign(code, "Dr. A"),
            lambda: vault.edits.save(vault.edits.document_of(code), content("10 mg, again")),
            lambda: vault.encounters.delete(code),
            lambda: vault.encounters.delete(held),
            lambda: vault.encounters.hold(code),
            lambda: vault.encounters.rename(code, "x"),
            lambda: vault.session.record(chain.Event.EXPORT, code),
            lambda: save_note(vault, "", SOURCE, "soap", [], ORIGIN, encounter=code),
            lambda: vault.export_plain(passphrase(), tmp_path / "out"),
        ]
        for change in changes:
            with pytest.raises(DamagedVaultError, match=r"Encounter [0-9a-z]{8} is not in the state"):
                change()
        assert not (tmp_path / "out").exists()
        found: list[list[str]] = []
        vault.verify_in_background(found.append).wait()
        assert found[0] == vault.verify()
        named = "\n".join(found[0])
        assert all(copies.made[name] in named for name in ("sign", "hold", "delete", "amend", "edit", "rename", "lift"))
        assert copies.made["still"] not in named


def test_a_draft_put_back_beside_a_signed_note_is_not_shown_as_the_note(copies: TwoCopies) -> None:
    """The text of a draft is not covered; that there is one is."""
    folder = copies.paths.database.parent / "draft"

    def before(vault: Vault) -> str:
        saved = note(vault, "10 mg").id
        vault.edits.autosave(vault.edits.document_of(saved), content("99 mg"))
        return saved

    both = TwoCopies(folder, before, lambda vault, saved: vault.edits.sign(saved, "Dr. A") and None)
    both.put_back(pages_of(both, {"draft"}))
    with both.open() as vault:
        assert any(both.made in line for line in vault.verify())
        with pytest.raises(DamagedVaultError, match=both.made):
            vault.encounters.peek(both.made)


def test_an_older_schema_page_does_not_buy_a_second_baseline(tmp_path: Path) -> None:
    """Page 1 of a vault of before would have it migrated again, and what was put back vouched for."""
    path = golden(3, tmp_path)
    old = split(path.read_bytes())
    with Vault.open(path, golden_passphrase()) as vault:
        saved = vault.encounters.list()[0].id
        vault.edits.save(vault.edits.document_of(saved), content("99 mg"))
        vault.edits.sign(saved, "Dr. A")
    unlocked = unlock.unlock(VaultFiles(path), golden_passphrase())
    new, owner = split(path.read_bytes()), owners(path, unlocked.keys.database)
    pages = [old[i] if i < len(old) and owner.get(i + 1) not in CHAIN else page for i, page in enumerate(new)]
    path.write_bytes(b"".join(pages))
    with open_known(VaultFiles(path), unlocked) as vault:
        assert [entry.event for entry in vault.admin.entries()].count("baseline") == 1
        assert any(saved in line for line in vault.verify())
        with pytest.raises(DamagedVaultError, match=saved):
            vault.encounters.peek(saved)
        with pytest.raises(DamagedVaultError, match="vouches for the records already"):
            states.baseline(vault.session.connection)


def test_a_vault_of_before_gets_one_baseline(tmp_path: Path) -> None:
    path = golden(3, tmp_path)
    for _ in range(2):
        with Vault.open(path, golden_passphrase()) as vault:
            report = vault.admin.verify_chain(golden_passphrase())
            entries = list(vault.admin.entries())
            assert vault.verify() == []
    baselines = [entry for entry in entries if entry.event == "baseline"]
    assert [entry.seq for entry in baselines] == [report.vouches_from]
    assert report.vouches_from > 1
    assert len(json.loads(baselines[0].states)) == 3 + 1  # records and the retention policy
    assert all(entry.root is None for entry in entries[: report.vouches_from - 1])


def test_a_new_vault_is_vouched_for_from_its_first_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_derivation(monkeypatch)
    with new_vault(tmp_path) as vault:
        assert vault.admin.verify_chain(passphrase()).vouches_from == 1


def test_the_table_of_digests_alone_is_only_a_cache(copies: TwoCopies) -> None:
    copies.put_back(pages_of(copies, {"covered"}))
    with copies.open() as vault:
        assert vault.verify() == []
        vault.encounters.hold(copies.made["still"])
        assert vault.encounters.summary(copies.made["still"]).legal_hold
        assert vault.verify() == []
