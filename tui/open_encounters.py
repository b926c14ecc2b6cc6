"""What the app can do with encounters: open, save, write, rewrite, extract, sign, export: over both threads.

Results go into the vault when they come, whether a screen shows the encounter or not. All methods run in the app's
event loop; the vault's work waits in its own thread.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge.contract.encounter import State
from edge.contract.note import INTERRUPTED, EncounterNote
from edge.contract.templates import Template
from edge.errors import UsageError
from edge.text import one_line
from edge.vaults import Vault
from edge.workbench import (
    EngineInfo,
    Extraction,
    Note,
    by_hand,
    conversation_of,
    copied,
    origin,
    publish,
    rewritten,
    section_spec,
    template,
)
from tui import clock
from tui.case import (
    Case,
    blank_parts,
    case_of,
    note_content,
    parts_of,
    without_heading,
)
from tui.keeper import Keeper, Notify
from tui.model_thread import Done, ExtractJob, Job, ModelThread, NoteJob, RewriteJob, Update
from tui.vault_thread import VaultThread

PIECE = 40  # characters that come at once are pasted or opened, not typed


def _template_or_visit(name: str) -> Template:
    """The template; the visit note where it is gone or can't be used any more."""
    try:
        return template(name)
    except UsageError:
        return template("visit")


class OpenEncounters:
    """The open encounters of an unlocked vault. changed(case, what): what is "text", "parts", "rows" or "state"."""

    def __init__(self, vault: VaultThread, model: ModelThread, changed: Notify) -> None:
        self.vault, self.model, self._changed = vault, model, changed
        self.cases: list[Case] = []
        self._keeper = Keeper(vault, changed)

    @property
    def info(self) -> EngineInfo | None:
        """The bundle that writes, once it is open."""
        return self._keeper.info

    @info.setter
    def info(self, info: EngineInfo) -> None:
        self._keeper.info = info

    # -- the list ------------------------------------------------------------------------------------------------

    async def delete(self, identifier: str, signed_too: bool = False) -> None:
        """Wipe an encounter. Raises as Encounters.delete."""
        self.forget({identifier})
        await self.vault.call(lambda vault: vault.encounters.delete(identifier, signed_too=signed_too))

    def forget(self, identifiers: set[str]) -> None:
        """Let go of encounters that are about to be wiped; what the model does for them ends."""
        for case in [c for c in self.cases if c.id in identifiers]:
            if case.job is not None:
                self.model.stop(case.job)
            self.cases.remove(case)

    # -- one encounter --------------------------------------------------------------------------------------------

    def new(self, template_name: str) -> Case:
        """An empty encounter; it is kept as soon as it has a conversation."""
        chosen = _template_or_visit(template_name)
        case = Case(template=chosen.name, parts=blank_parts(chosen))
        self.cases.append(case)
        return case

    async def open(self, identifier: str, template_name: str = "visit") -> Case:
        """The encounter as it was left; a note whose writing was cut off is kept as far as it came.

        template_name: for one without a note.
        """
        for case in self.cases:
            if case.id == identifier:
                return case
        case = case_of(await self.vault.call(lambda vault: vault.encounters.get(identifier)))
        if not case.parts and not case.signed:
            chosen = _template_or_visit(template_name if case.note is None else case.template)
            case.template, case.parts = chosen.name, blank_parts(chosen)
        self.cases.append(case)
        if case.cut_off is not None:
            known = replace(case.cut_off if case.cut_off.bundle else by_hand(case.source().sha256), incomplete=True)
            case.cut_off = None
            await self._keeper.note(case, known)
        return case

    def set_conversation(self, case: Case, text: str, name: str = "") -> None:
        """Take a typed, pasted or opened conversation."""
        case.in_one_piece = case.in_one_piece or len(text) - len(case.conversation) > PIECE
        case.conversation, case.talk_changed = text, not case.blank
        case.source_name = one_line(name, 160) or case.source_name
        if not case.title and text.strip():
            stem = Path(case.source_name).stem if name else ""
            case.title = stem or f"{clock.now():%Y-%m-%d %H:%M}"
        case.dirty = True

    async def save(self, case: Case, commit: bool = False) -> None:
        """Put into the vault what is not there yet; commit: as a revision. Nothing to do costs nothing."""
        async with self._keeper.lock(case):
            if case.signed or not (case.dirty or case.rows_dirty or commit):
                return
            if not case.id:
                if case.conversation.strip():
                    await self._keeper.first(case)
                return
            await self._keeper.drafts(case, commit)

    async def save_all(self, commit: bool = False) -> None:
        """save() for every open encounter."""
        for case in list(self.cases):
            await self.save(case, commit)

    async def rename(self, case: Case, title: str) -> None:
        """Give the encounter another title."""
        case.title = one_line(title, 160) or case.title
        if case.id:
            await self.vault.call(lambda vault: vault.encounters.rename(case.id, case.title))
        self._changed(case, "state")

    async def close_case(self, case: Case) -> None:
        """Keep everything as a revision and let go of the encounter, unless the model still works on it."""
        await self.save(case, commit=True)
        if not case.busy and case in self.cases:
            self.cases.remove(case)

    async def sign(self, case: Case, signer: str) -> None:
        """Sign what is shown. Raises UsageError while the model writes, VaultError as Edits.sign."""
        if case.busy:
            raise UsageError("The note is still being written.", "", "Wait for its end, or stop it.")
        if not case.has_note:
            raise UsageError("There is no note to sign.", "", "Write one first.")
        await self.save(case, commit=True)
        summary = await self.vault.call(lambda vault: vault.edits.sign(case.id, signer))
        case.state = summary.state
        self._changed(case, "state")

    async def amend(self, case: Case) -> None:
        """Begin a new version of a signed encounter; the signed one stays."""
        summary = await self.vault.call(lambda vault: vault.edits.amend(case.id))
        case.state, case.version = summary.state, case.version + 1
        self._changed(case, "state")

    async def export(self, case_id: str, folder: Path, form: str, draft_mark: str) -> Path:
        """Write the note into a folder. Raises as edge.workbench.publish."""
        for case in [c for c in self.cases if c.id == case_id]:
            await self.save(case, commit=True)
        return await self.vault.call(lambda vault: publish(vault, case_id, folder, form, draft_mark))

    async def copied(self, case: Case) -> None:
        """The note's text was copied out."""
        if case.id:
            await self.vault.call(lambda vault: copied(vault, case.id))

    async def restore(self, case: Case, document: int, number: int) -> None:
        """Bring an old revision of this note, or of an earlier one, back as the newest revision."""
        await self.save(case, commit=True)
        note = case.note

        def work(vault: Vault) -> tuple[EncounterNote | None, str]:
            if document == note:
                vault.edits.restore(document, number)
            elif note is not None:
                vault.edits.save(note, vault.edits.content_at(document, number))
            record = vault.encounters.peek(case.id)
            return record.note.content if record.note else None, conversation_of(record).text

        content, talk = await self.vault.call(work)
        if content is not None:
            case.kept, case.template, case.parts = (
                content,
                content.template or case.template,
                parts_of(content.sections),
            )
        case.conversation, case.talk_changed = talk, False
        case.state = State.EDITED
        self._changed(case, "parts")

    # -- the model -------------------------------------------------------------------------------------------------

    async def write(self, case: Case, template_name: str | None = None) -> None:
        """Queue the note: what is missing of a cut one, otherwise all of it. The note there was stays in the history.

        Raises UsageError if it is signed, busy or has no conversation.
        """
        self._check_free(case)
        chosen = template(template_name or case.template)
        missing = [p.key for p in case.parts if p.stop != "end"]
        goes_on = chosen.name == case.template and any(p.stop == "end" for p in case.parts) and bool(missing)
        goes_on = goes_on and {*missing} <= {spec.key for spec in chosen.sections}
        await self.save(case, commit=True)
        case.before = note_content(case)
        case.kept = replace(case.kept, conversation=None) if goes_on else EncounterNote(chosen.name)
        if goes_on:
            todo = replace(chosen, sections=tuple(s for s in chosen.sections if s.key in missing))
        else:
            todo, case.template, case.parts = chosen, chosen.name, blank_parts(chosen)
        self._queue(case, NoteJob(case, case.conversation, template=todo))
        case.dirty = True
        await self.save(case)
        self._changed(case, "parts")

    async def rewrite(self, case: Case, key: str, wish: str) -> None:
        """Queue one section. Raises UsageError as write()."""
        self._check_free(case)
        part = case.part(key)
        if part is None:
            raise UsageError("There is no such section.")
        spec = section_spec(part.key, part.heading, case.template)
        self._queue(case, RewriteJob(case, case.conversation, spec=spec, current=part.text, wish=wish))
        part.writing = True
        self._changed(case, "state")

    async def extract(self, case: Case) -> None:
        """Queue the fields of the note, or of the document itself while there is no note. Raises UsageError."""
        self._check_free(case)
        case.basis = case.note_text() or case.conversation
        self._queue(case, ExtractJob(case, case.basis))
        self._changed(case, "rows")

    def stop(self, case: Case) -> None:
        """End what the model does for this encounter; what was written stays."""
        if case.job is not None:
            self.model.stop(case.job)

    def update(self, update: Update) -> None:
        """Take news of a job."""
        case: Case = update.job.case
        if isinstance(update.job, NoteJob):
            self._update_note(case, update)

    async def done(self, done: Done) -> None:
        """Take and keep a job's result. Raises the job's error, after what was written is kept."""
        case: Case = done.job.case
        if case.job != done.job.number:
            return
        job = done.job
        async with self._keeper.lock(case):
            case.job = None
            if isinstance(job, NoteJob):
                await self._note_done(case, done)
            elif isinstance(job, RewriteJob):
                await self._rewrite_done(case, job, done.result if isinstance(done.result, Note) else None)
            elif isinstance(done.result, Extraction):
                await self._keeper.rows(case, done.result)
        self._changed(case, "rows" if isinstance(job, ExtractJob) else "parts")
        if done.error is not None:
            raise done.error

    # -- inside ----------------------------------------------------------------------------------------------------

    def _check_free(self, case: Case) -> None:
        if case.signed:
            raise UsageError("This encounter is signed.", "A signed version is final.", "Begin a new version first.")
        if case.busy:
            raise UsageError("The model is at work on this encounter.", "", "Wait for its end, or stop it.")
        if not case.conversation.strip():
            raise UsageError("There is no conversation yet.", "", "Paste, type or open one on the left.")

    def _queue(self, case: Case, job: Job) -> None:
        case.job, case.kind = job.number, job.kind
        self.model.submit(job)

    def _update_note(self, case: Case, update: Update) -> None:
        started, finished = update.started, update.finished
        if started is not None and (part := case.part(started.key)) is not None:
            part.begin()
            self._changed(case, "state")
        if update.reading is not None:
            case.reading = update.reading
            self._changed(case, "state")
        if update.text:
            case.reading = None
            for part in case.parts:
                if part.writing:
                    part.text += update.text
            case.dirty = True
            self._changed(case, "text")
        if finished is not None and (part := case.part(finished.key)) is not None:
            part.end(without_heading(finished.text, part.heading), finished.reason)
            case.dirty = True
            self._changed(case, "text")

    async def _note_done(self, case: Case, done: Done) -> None:
        for part in case.parts:
            part.mark(INTERRUPTED if done.error else "cancelled")
        untouched = not any(p.text.strip() for p in case.parts) and done.result is None
        if untouched and case.before is not None:  # stopped before anything was written: the note before comes back
            case.kept, case.template, case.parts = case.before, case.before.template, parts_of(case.before.sections)
            if case.note is not None:
                note = case.note
                await self.vault.call(lambda vault: vault.edits.discard(note))
        elif self.info is not None:
            result = done.result if isinstance(done.result, Note) else None
            known = origin(self.info, case.document(), result)
            whole = not any(part.cut for part in case.parts)
            await self._keeper.note(case, replace(known, incomplete=not whole))
        case.before = None

    async def _rewrite_done(self, case: Case, job: RewriteJob, note: Note | None) -> None:
        part = case.part(job.spec.key)
        if part is None:
            return
        part.writing = False
        new = rewritten(part.kept(), note, self.info, job.wish) if note is not None else None
        if new is None:
            return
        part.become(new)
        case.dirty = True
        await self._keeper.drafts(case, commit=True)
