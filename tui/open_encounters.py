"""The open encounters of the app: each step of work goes to edge.encounters, over the vault's thread and the model's.

Results go into the vault when they come, whether a screen shows the encounter or not. All methods run in the app's
event loop; the vault's work waits in its own thread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge.contract.encounter import Encounter, EncounterSummary, State
from edge.contract.origin import by_hand
from edge.encounters import keeping, templates
from edge.encounters.export import copied, publish
from edge.encounters.open_encounter import NOWHERE, OpenEncounter, OpenSection, Replaced, by_person, typed
from edge.encounters.writing import EngineInfo, Extraction, Note
from edge.errors import EdgescribeError, UsageError
from edge.text import one_line
from edge.vaults import EncounterFilter, SearchHit, Vault
from tui import labels
from tui.model_thread import Ahead, Done, ExtractJob, Job, ModelThread, NoteJob, RewriteJob, Update
from tui.tool_thread import ToolThread
from tui.vault_thread import VaultThread

if TYPE_CHECKING:
    from edge.contract.codes import CodeEntry
    from edge.contract.evidence import ShownAtSigning
    from edge.contract.facts import Omission
    from edge.encounters.reviewing import Insertion, NoteReview
    from edge.terminology.catalogue import Code

Notify = Callable[[OpenEncounter, str], None]
_TITLE = 160  # characters
_IN_CONTEXT = 40  # hits of a search that are shown with the words around them
_CHECK = 3.0  # seconds that the keeping of a note just written waits for its check


class OpenEncounters:
    """changed(encounter, what): what as EncounterChanged has it. info: of the bundle that writes. form: what notes are
    made of (edge.encounters.writing.FORMS)."""

    def __init__(
        self, vault: VaultThread, model: ModelThread, tools: ToolThread, changed: Notify, form: str = "auto"
    ) -> None:
        self.vault, self.model, self.tools, self._changed, self.form = vault, model, tools, changed, form
        self.all: list[OpenEncounter] = []
        self.info: EngineInfo | None = None
        self._locks: dict[int, asyncio.Lock] = {}
        self._checking: set[int] = set()

    # -- the list of kept ones -----------------------------------------------------------------------------------------

    async def kept(self, where: EncounterFilter, limit: int) -> list[EncounterSummary]:
        """Kept encounters that fit, last changed first."""
        return await self.vault.call(lambda vault: vault.encounters.list(limit, 0, where))

    async def search(self, words: str, limit: int, where: EncounterFilter) -> list[SearchHit]:
        """Kept encounters of these that match, newest first, the first with the words around what matched.

        Finding those words costs most of a search: they are looked for only as far as a screen reaches.
        """

        def read(vault: Vault) -> list[SearchHit]:
            first = vault.search.find(words, min(limit, _IN_CONTEXT), where=where)
            rest = limit - _IN_CONTEXT if len(first) == _IN_CONTEXT else 0
            if rest <= 0:
                return first
            return [*first, *vault.search.find(words, rest, _IN_CONTEXT, snippets=False, where=where)]

        return await self.vault.call(read)

    async def count(self) -> int:
        """How many are kept, without samples."""
        return await self.vault.call(lambda vault: vault.encounters.count(EncounterFilter(sample=False)))

    async def sample(self) -> str:
        """Id of the newest sample visit that is kept, "" if there is none."""
        found = await self.kept(EncounterFilter(sample=True), 1)
        return found[0].id if found else ""

    def at_work(self) -> dict[str, str]:
        """What the model does for kept encounters, by their ids: "writing" or "queued"."""
        now = self.model.active
        return {one.id: "writing" if one.job == now else "queued" for one in self.all if one.busy and one.id}

    async def delete(self, identifier: str, signed_too: bool = False) -> None:
        """Wipe an encounter. Raises as edge.store.encounters.Encounters.delete."""
        self.forget({identifier})
        await self.vault.call(lambda vault: vault.encounters.delete(identifier, signed_too=signed_too))

    def forget(self, identifiers: set[str]) -> None:
        """Let go of encounters that are about to be wiped; what the model does for them ends."""
        for one in [o for o in self.all if o.id in identifiers]:
            self.stop(one)
            self.stop_reading(one)
            self.all.remove(one)

    # -- begin, resume, keep -------------------------------------------------------------------------------------------

    def new(self, template: str, title: str = "") -> OpenEncounter:
        """An empty encounter; it is kept as soon as it has a conversation. title: "" for the date and time."""
        one = OpenEncounter.begin(templates.get_or_visit(template))
        one.title = one_line(title, _TITLE) or self._moment()
        self.all.append(one)
        return one

    async def open(self, identifier: str, template: str = "visit") -> OpenEncounter:
        """The encounter as it was left. template: for one without a note. Raises VaultError."""
        for one in self.all:
            if one.id == identifier:
                return one
        one = await self.vault.call(lambda vault: keeping.resume(vault, identifier, template))
        self.all.append(one)
        if one.cut_off is not None:
            known = one.cut_off if one.cut_off is not NOWHERE else by_hand(one.document().sha256)
            one.cut_off = None
            one.take_note(replace(known, incomplete=True))
            await self.save(one, commit=True)
        return one

    def set_conversation(self, one: OpenEncounter, text: str, name: str = "") -> None:
        """Take a typed, pasted or opened conversation."""
        one.set_conversation(text, name, untitled=self._moment())

    def read_ahead(self, one: OpenEncounter) -> None:
        """Let the model begin to read the conversation of an encounter for which a note may be asked next."""
        if not (one.busy or one.signed or one.has_note) and one.conversation.strip():
            template = templates.get_or_visit(one.template)
            self.model.read_ahead(Ahead(id(one), one.conversation, template, self.form))

    def stop_reading(self, one: OpenEncounter) -> None:
        """Read no further in its conversation."""
        self.model.stop_reading(id(one))

    @staticmethod
    def _moment() -> str:
        return f"{labels.now():%Y-%m-%d %H:%M}"

    async def save(self, one: OpenEncounter, commit: bool = False) -> None:
        """Put into the vault what is not there yet; commit: as a revision. Nothing to do costs nothing."""
        async with self._lock(one):
            await self._save(one, commit)

    async def _save(self, one: OpenEncounter, commit: bool = False) -> None:
        pending = one.pending(commit, self.info)
        if pending is None:
            return
        try:
            one.saved(pending, await self.vault.call(pending.run))
        except EdgescribeError:
            one.not_saved(pending)  # UNSAVED stays on the screen until a save succeeds
            raise
        self._changed(one, "state")

    async def save_all(self, commit: bool = False) -> None:
        """save() for every open encounter."""
        for one in list(self.all):
            if one.unsaved or commit:
                await self.save(one, commit)

    async def close(self, one: OpenEncounter) -> None:
        """Keep everything as a revision and let go of the encounter, unless the model still works on it."""
        self.stop_reading(one)
        await self.save(one, commit=True)
        if not one.busy and one in self.all:
            self.all.remove(one)

    # -- sign, amend, restore, export ----------------------------------------------------------------------------------

    async def rename(self, one: OpenEncounter, title: str) -> None:
        """Give the encounter another title."""
        one.title = one_line(title, _TITLE) or one.title
        if one.id:
            await self.vault.call(lambda vault: vault.encounters.rename(one.id, one.title))
        self._changed(one, "state")

    async def sign(self, one: OpenEncounter, signer: str, shown: ShownAtSigning | None = None) -> None:
        """Sign what is shown. shown: what was listed before (checked()).

        Raises UsageError while the model writes, VaultError as edge.encounters.keeping.sign.
        """
        if one.busy:
            raise UsageError("The note is still being written.", "", "Wait for its end, or stop it.")
        if not one.has_note:
            raise UsageError("There is no note to sign.", "", "Write one first.")
        await self.save(one, commit=True)

        def work(vault: Vault) -> Encounter:
            keeping.sign(vault, one.id, signer, shown)
            return vault.encounters.peek(one.id)

        kept = await self.vault.call(work)
        one.state = kept.summary.state
        one.show_beside(kept)
        one.signature = await self.vault.call(lambda vault: keeping.signature(vault, one.id))
        self._changed(one, "state")

    async def accept(self, one: OpenEncounter, section: OpenSection | None) -> None:
        """Take a section that was cut as complete as it stands, None: the fields. Raises as OpenEncounter.accept."""
        await self.save(one, commit=True)
        async with self._lock(one):
            accepted = one.accept(section)
            try:
                await self.vault.call(lambda vault: vault.edits.accept(*accepted))
            except EdgescribeError:
                one.not_accepted(section)  # without its entry in the chain it is none
                raise
            one.state = State.EDITED
        self._changed(one, "rows" if section is None else "state")

    async def amend(self, one: OpenEncounter) -> None:
        """Begin a new version of a signed encounter; the signed one stays."""
        summary = await self.vault.call(lambda vault: keeping.amend(vault, one.id))
        one.state, one.version = summary.state, one.version + 1
        self._changed(one, "state")

    async def export(self, identifier: str, folder: Path, form: str, draft_mark: str, titled: bool = False) -> Path:
        """Write the note into a folder. titled: its file's name holds the title. Raises as
        edge.encounters.export.publish."""
        for one in [o for o in self.all if o.id == identifier]:
            await self.save(one, commit=True)
        return await self.vault.call(lambda vault: publish(vault, identifier, folder, form, draft_mark, titled=titled))

    async def copied(self, one: OpenEncounter, draft_mark: str, section: int | None = None) -> str:
        """The note's text, or that of a section, to be copied out. Raises UsageError if there is none."""
        await self.save(one, commit=True)
        if not one.id:
            raise UsageError("There is no note to copy yet.", "", "Write one first.")
        return await self.vault.call(lambda vault: copied(vault, one.id, draft_mark, section))

    async def restore(self, one: OpenEncounter, document: int, number: int) -> None:
        """Bring an old revision of this note, or of an earlier one, back as the newest revision."""
        await self.save(one, commit=True)

        def work(vault: Vault) -> Encounter:
            keeping.restore(vault, one.id, number, document=document)
            return vault.encounters.peek(one.id)

        before = Replaced(one.note_content())
        one.show(await self.vault.call(work))
        one.replaced.append(before)
        one.state = State.EDITED
        self._changed(one, "sections")

    # -- the model -----------------------------------------------------------------------------------------------------

    async def write(self, one: OpenEncounter, template: str | None = None) -> None:
        """Queue the note: what is missing of a cut one, otherwise all of it. The note there was stays in the history.

        Raises UsageError if it is signed, busy or has no conversation.
        """
        one.check_free()
        chosen = templates.get(template or one.template)
        await self.save(one, commit=True)
        one.check_free()  # something else may have begun while it was kept
        self._queue(one, NoteJob(one, one.conversation, template=one.begin_note(chosen), form=self.form))
        await self.save(one)
        self._changed(one, "sections")

    async def rewrite(self, one: OpenEncounter, key: str, wish: str) -> None:
        """Queue one section; the text there was stays in the history. Raises UsageError as write()."""
        one.check_free()
        await self.save(one, commit=True)
        one.check_free()
        section = one.section(key)
        if section is None:
            raise UsageError("There is no such section.")
        spec, current = one.spec_of(section), section.text
        self._queue(one, RewriteJob(one, one.conversation, section=section, spec=spec, current=current, wish=wish))
        section.writing = True
        self._changed(one, "state")

    async def undo(self, one: OpenEncounter) -> None:
        """Bring back what the newest writing put aside; what it wrote stays in the history."""
        await self.save(one, commit=True)
        if one.undo_writing():
            await self.save(one, commit=True)
            self._changed(one, "sections")

    async def extract(self, one: OpenEncounter) -> None:
        """Queue the fields of the note, or of the document itself while there is no note. Raises UsageError."""
        one.check_free()
        one.basis = one.note_text() or one.conversation
        job, report = ExtractJob(one, one.basis), typed(one.basis, "note")
        one.job, one.doing = job.number, job.kind
        self._changed(one, "rows")
        try:
            found = await self.tools.call(lambda tools: tools.fields(report))
        except EdgescribeError as error:
            await self.done(Done(job, None, error))
            return
        if one.job != job.number:  # stopped meanwhile
            return
        if found is None:  # no tagger: the language model does it
            self.model.submit(job)
            return
        async with self._lock(one):
            one.job = None
            one.fields_found(found[0], None, report, made=found[1])
            await self._save(one)
        self._changed(one, "rows")

    async def correct(self, one: OpenEncounter, index: int | None, key: str, text: str) -> int:
        """Change an extracted phrase, add one (index None) or take one away (empty text). Returns where it stands."""
        basis = one.basis
        entry = await self.tools.call(lambda _: by_person(key, text, basis)) if text.strip() else None
        at = one.put_row(index, key, entry)
        self._changed(one, "rows")
        return at

    # -- what it stands on ---------------------------------------------------------------------------------------------

    async def check(self, one: OpenEncounter) -> None:
        """Hold the note against the conversation, beside the screen, until the check is of both as they stand."""
        if id(one) in self._checking:
            return
        self._checking.add(id(one))
        try:
            while one.has_note and not one.busy and not one.review_is_current:
                one.reviewed(await self._review(one))
                self._changed(one, "review")
        finally:
            self._checking.discard(id(one))

    async def checked(self, one: OpenEncounter) -> ShownAtSigning:
        """What must be seen before a signature. Waits for the check of the note as it stands."""
        while one.has_note and not one.busy and not one.review_is_current:
            one.reviewed(await self._review(one))
        return one.shown_at_signing()

    async def _review(self, one: OpenEncounter) -> NoteReview:
        note, talk, heard = one.note_content(), one.conversation, one.review.heard if one.review else None
        return await self.tools.call(lambda tools: tools.review(note, talk, heard))

    async def _check_written(self, one: OpenEncounter, section: OpenSection | None = None) -> None:
        """The check of what a model has just written, if it takes no longer than a moment: it is kept with the text.

        section: the one that was written; None: all of them.
        """
        if one.has_note:
            only = None if section is None else [at for at, this in enumerate(one.sections) if this is section]
            with contextlib.suppress(TimeoutError):
                one.written_reviewed(await asyncio.wait_for(self._review(one), _CHECK), only)

    def insert_said(self, one: OpenEncounter, omission: Omission) -> Insertion:
        """Where a line for what was said goes. Raises UsageError if the encounter is signed or has no section."""
        if one.signed or one.busy or one.review is None:
            one.check_free()
        from edge.encounters.reviewing import insertion

        facts = one.review.heard.facts if one.review is not None else ()
        return insertion(one.note_content().sections, omission, facts)

    async def code(self, one: OpenEncounter) -> None:
        """Look for candidate codes in the note, beside the screen. Raises UsageError, CatalogueError."""
        one.check_free()
        text = one.note_text()
        found = await self.tools.call(lambda tools: tools.codes(text))
        async with self._lock(one):
            one.codes_found(found, typed(text, "note"))
            await self._save(one)
        self._changed(one, "codes")

    async def search_code(self, words: str) -> list[Code]:
        """Billable entries of the catalogue for words or a code, best first. Raises UsageError for words of no use."""
        return await self.tools.call(lambda tools: tools.search(words))

    def decide(self, one: OpenEncounter, at: int, entry: CodeEntry) -> None:
        """Take what a person decided on a candidate; it is kept like everything else that is typed."""
        one.decide(at, entry)
        self._changed(one, "codes")

    def stop(self, one: OpenEncounter) -> None:
        """End what the model does for this encounter; what was written stays."""
        if one.job is not None:
            self.model.stop(one.job)
            if one.doing == "extract" and not self.model.knows(one.job):  # with the tools, which are not waited for
                one.job = None
                self._changed(one, "rows")

    def update(self, update: Update) -> None:
        """Take news of a job."""
        one = update.job.encounter
        if not isinstance(update.job, NoteJob):
            return
        if update.started is not None:
            one.section_begun(update.started.key, update.started.part)
            self._changed(one, "state")
        if update.reading is not None:
            one.reading = update.reading
            self._changed(one, "state")
        if update.text:
            one.text_written(update.text)
            self._changed(one, "text")
        if update.finished is not None:
            one.section_written(update.finished)
            self._changed(one, "text")

    async def done(self, done: Done) -> None:
        """Take and keep a job's result. Raises the job's error, after what was written is kept."""
        one, job = done.job.encounter, done.job
        if one.job != job.number:
            return
        async with self._lock(one):
            one.job = None
            note = done.result if isinstance(done.result, Note) else None
            if isinstance(job, NoteJob):
                one.note_written(note, self.info, failed=done.error is not None)
                await self._check_written(one)
                await self._save(one, commit=True)
            elif isinstance(job, RewriteJob):
                if job.section is not None and one.section_rewritten(job.section, note, self.info, job.wish):
                    await self._check_written(one, job.section)
                    await self._save(one, commit=True)
            elif isinstance(done.result, Extraction):
                one.fields_found(done.result, self.info, typed(one.basis, "note"))
                await self._save(one)
        self._changed(one, "rows" if isinstance(job, ExtractJob) else "sections")
        if done.error is not None:
            raise done.error

    def _queue(self, one: OpenEncounter, job: Job) -> None:
        one.job, one.doing = job.number, job.kind
        self.model.submit(job)

    def _lock(self, one: OpenEncounter) -> asyncio.Lock:
        """One thing at a time for each encounter."""
        return self._locks.setdefault(id(one), asyncio.Lock())
