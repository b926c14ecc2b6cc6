"""How an encounter gets into the vault: its source, what the model wrote, drafts of edits, revisions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge.contract.encounter import Content, Generated, Kind, Source, State
from edge.contract.origin import Origin
from edge.errors import EdgescribeError
from edge.vaults import Vault
from edge.workbench import EngineInfo, Extraction, by_hand, origin, typed
from tui.case import Case, fields_content, note_content, rows_of, writing_content
from tui.vault_thread import VaultThread

Notify = Callable[[Case, str], None]


class Keeper:
    """For open_encounters alone. info: of the bundle that writes. Callers hold lock(case), except for note()."""

    def __init__(self, vault: VaultThread, changed: Notify) -> None:
        self.vault, self._changed = vault, changed
        self.info: EngineInfo | None = None
        self._locks: dict[int, asyncio.Lock] = {}

    async def note(self, case: Case, known: Origin) -> None:
        """Keep the parts as a new document of the encounter, as written, and edits made meanwhile as its draft."""
        source = case.source()
        old, first = case.note, note_content(case, as_written=True)

        def work(vault: Vault) -> int:
            if old is not None:
                vault.edits.discard(old)
            vault.encounters.save(case.title, source, [Generated(first, known)], case.id)
            return vault.edits.document_of(case.id)

        case.note, case.bundle, case.blank = await self.vault.call(work), known.bundle, not known.bundle
        case.kept, case.origin, case.talk_changed = first, known, False
        case.dirty = any(part.written and part.text != part.section.text for part in case.parts)
        await self.drafts(case, commit=True)

    async def rows(self, case: Case, found: Extraction) -> None:
        """Keep extracted fields as a new document of the encounter."""
        case.kept_fields, case.rows = found.content, rows_of(found.content)
        if self.info is None or not case.id:
            return
        basis = typed(case.basis, "note")
        source = Source("note", basis.text, basis.sha256, "report")
        case.fields_origin = origin(self.info, basis, found)
        generated = Generated(found.content, case.fields_origin)

        def work(vault: Vault) -> int:
            vault.encounters.save(case.title, source, [generated], case.id)
            return vault.edits.document_of(case.id, Kind.EXTRACTION)

        case.fields, case.rows_dirty = await self.vault.call(work), False

    async def first(self, case: Case) -> None:
        """The first time: a conversation that came in one piece is kept as a source alone, final from then on.

        One that is still being typed lies in the draft of a note by hand until it is whole.
        """
        if case.in_one_piece and not case.has_note:
            source = case.source()
            case.dirty = False
            case.id = (await self.vault.call(lambda vault: vault.encounters.save_source(case.title, source))).id
        else:
            case.dirty = False
            await self._note_by_hand(case)
        self._changed(case, "state")

    async def _note_by_hand(self, case: Case) -> None:
        source = case.source()
        generated = Generated(note_content(case), by_hand(source.sha256))

        def work(vault: Vault) -> tuple[str, int]:
            code = vault.encounters.save(case.title, source, [generated], case.id or None).id
            return code, vault.edits.document_of(code)

        case.id, case.note = await self.vault.call(work)

    async def drafts(self, case: Case, commit: bool) -> None:
        """Keep what was changed since the last time; commit: as revisions. Raises as the vault does."""
        if case.note is None and case.dirty:
            await self._note_by_hand(case)
        drafts: list[tuple[int, Content]] = []
        if case.note is not None and case.dirty:
            before = case.before if case.busy else None
            new = note_content(case) if before is None else writing_content(case, before, self._promise(case))
            drafts.append((case.note, new))
        if case.fields is not None and case.rows_dirty:
            drafts.append((case.fields, fields_content(case)))
        final = [n for n in (case.note, case.fields) if n is not None] if commit and not case.busy else []
        case.dirty = case.rows_dirty = False

        def work(vault: Vault) -> State:
            for document, content in drafts:
                vault.edits.autosave(document, content)
            for document in final:
                vault.edits.commit(document)
            return vault.encounters.summary(case.id).state

        try:
            state = await self.vault.call(work)
        except EdgescribeError:
            case.dirty = True  # UNSAVED stays on the screen until a save succeeds
            raise
        # The vault calls a note edited from its first revision on; people do from the first letter on.
        by_hand_now = bool(drafts) and state is State.DRAFT and not (case.blank or case.busy)
        case.state = State.EDITED if by_hand_now else state
        self._changed(case, "state")

    def _promise(self, case: Case) -> Origin | None:
        """Origin of the note being written, for the case that its end is never seen."""
        return origin(self.info, case.document(), None) if self.info else None

    def lock(self, case: Case) -> asyncio.Lock:
        """One thing at a time for each encounter."""
        return self._locks.setdefault(id(case), asyncio.Lock())
