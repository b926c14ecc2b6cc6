"""One encounter: the conversation on the left, what is made of it on the right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partialmethod

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TabbedContent, TabPane

from edge.contract.evidence import ShownAtSigning
from edge.contract.facts import Omission
from edge.contract.transcript import SPEAKERS
from edge.encounters import code_decisions, keeping, templates
from edge.encounters.open_encounter import OpenEncounter, OpenSection
from edge.seal import setting
from edge.text import one_line
from edge.vaults import Signature, Vault
from tui import actions, panels, settings
from tui.labels import field_label, meant, titled
from tui.screens.base import EdgeScreen
from tui.settings import CLEAR_AFTER, short
from tui.texts import t
from tui.widgets import flags
from tui.widgets.conversation_pane import ConversationPane
from tui.widgets.dialogs import Ask, Choose, Confirm, Sign
from tui.widgets.fields_panel import FieldsPanel
from tui.widgets.history_panel import HistoryPanel, Past
from tui.widgets.key_bar import KeyBar
from tui.widgets.messages import (
    CodeChosen,
    CodeRejected,
    CodesAccepted,
    CodesAsked,
    ConversationEdited,
    EncounterChanged,
    RestoreAsked,
    RowChosen,
    RowsAccepted,
    SaidInserted,
    SaidSetAside,
    SectionEdited,
    Spot,
    TurnChosen,
)
from tui.widgets.note_panel import NotePanel
from tui.widgets.panel import PanelBase
from tui.widgets.safe_area import SafeArea
from tui.widgets.status_bar import StatusBar
from tui.widgets.transcript_view import TranscriptView

PANELS = [(spec.name, spec.kind()) for spec in panels.PANELS]  # with this module: opening an encounter waits for none
CHECK_AFTER = 0.8  # seconds without a key until what was typed is checked
REASONS = ("known", "wrong", "irrelevant", "elsewhere")  # for leaving something out of the note, ready to choose


CODE_REASONS = ("not_present", "not_exact", "not_coded")


class EncounterScreen(EdgeScreen):
    """Shows a encounter and passes on what the user wants; the open encounters do it."""

    scope = "encounter"
    BINDINGS = actions.bindings("encounter")

    encounter: OpenEncounter

    def __init__(self, encounter: OpenEncounter) -> None:
        super().__init__()
        self.encounter = encounter
        self._possible: tuple[object, ...] = ()
        self._filled = False
        self._words = ""  # that were looked for last
        self._check_timer: Timer | None = None
        self._read_timer: Timer | None = None
        self._late: str | None = None  # a conversation that came in while the model was at work

    def compose(self) -> ComposeResult:
        yield StatusBar()
        with Horizontal(id="sides"):
            yield ConversationPane()
            with Vertical(id="right"), TabbedContent(id="panels"):
                for name, kind in PANELS:
                    with TabPane(Content(self._tab(name)), id=f"panel-{name}"):
                        yield kind()
        yield KeyBar("encounter", "app", roomy=True)

    @staticmethod
    def _tab(name: str) -> str:
        key = next((a.key for a in actions.of("encounter") if a.name == f"panel_{name}"), "")
        return f"{t(f'encounter.{name}')} {key}".strip()

    async def redraw(self) -> None:
        """Compose everything anew; its parts say when they stand, and are filled then."""
        panel, self._filled = self._panel, False
        await super().redraw()
        self.query_one(StatusBar).encounter = self.encounter
        self.query_one(TabbedContent).active = f"panel-{panel}"

    async def on_mount(self) -> None:
        self.query_one(StatusBar).encounter = self.encounter
        self.set_class(self.encounter.has_note or self.encounter.busy, "-note-side")

    async def on_part_ready(self) -> None:
        pane = self.query_one(ConversationPane)
        if pane.ready and not self._filled:
            self._filled = True
            if self.encounter.conversation.strip():
                pane.show_talk(self.encounter.conversation)
            pane.edit(not self.encounter.conversation.strip())
            self._read_soon()
        await self._show()
        self._check()

    async def _show(self) -> None:
        await self.query_one(NotePanel).show(self.encounter, self._job)
        if self._panel not in ("note", "fields"):
            await self.panel.show(self.encounter, self._job)
        self._take_late()
        self.tick()
        self._tell_keys()

    def _take_late(self) -> None:
        """What was typed or corrected while the model began to work is taken up when it is done."""
        late, self._late = self._late, self._late if self.encounter.busy else None
        if late is not None and not self.encounter.busy and not self.encounter.signed:
            self.post_message(ConversationEdited(late))

    def _tell_keys(self) -> None:
        """The key bar shows what can be done here and now."""
        shown = actions.of("encounter")
        possible = (self.focused, *(self.check_action(one.name, ()) and self.in_bar(one) for one in shown))
        if possible != self._possible:
            self._possible = possible
            self.keys_changed()

    def on_descendant_focus(self) -> None:
        self._tell_keys()

    @property
    def _job(self) -> str:
        return self.encounter.doing if self.encounter.busy else ""

    @property
    def _panel(self) -> str:
        return self.query_one(TabbedContent).active.removeprefix("panel-")

    @property
    def panel(self) -> PanelBase:
        """The open one."""
        return self.query_one(f"#panel-{self._panel} PanelBase", PanelBase)

    def _check(self) -> None:
        """Hold the note against the conversation, beside the screen, if that is to be done."""
        if self.encounter.has_note and not self.encounter.busy and not self.encounter.review_is_current:
            self.edge.go(self.edge.encounters.check(self.encounter))

    def _check_soon(self) -> None:
        """The same, once nothing is typed any more."""
        if self._check_timer is not None:
            self._check_timer.stop()
        self._check_timer = self.set_timer(CHECK_AFTER, self._check)

    def _read_soon(self) -> None:
        """Let the model read the conversation ahead, once nothing is typed any more."""
        if self._read_timer is not None:
            self._read_timer.stop()
        self._read_timer = self.set_timer(CHECK_AFTER, lambda: self.edge.encounters.read_ahead(self.encounter))

    async def on_encounter_changed(self, message: EncounterChanged) -> None:
        if message.encounter is not self.encounter or not self._filled:
            return
        pane = self.query_one(ConversationPane)
        if message.what == "sections" and not pane.editing and not self.panel.basis:
            pane.show_talk(self.encounter.conversation)
        if message.what == "rows":
            await self.query_one(FieldsPanel).show(self.encounter, self._job)
            if self._panel == "fields" and self.encounter.basis:
                here = self.focused
                pane.show_basis(*self.panel.left(self.encounter))
                self._keep_fields_focused(here)
        await self._show()
        if message.what in ("sections", "rows"):  # not at each save: what is typed is checked after a pause
            self._check()

    def _keep_fields_focused(self, here: Widget | None) -> None:
        """The fields are new: the cursor is in them, unless it was on the left, or somebody types."""
        left = self.query_one(ConversationPane)
        if here is None or not (isinstance(here, SafeArea) or left in here.ancestors):
            self.query_one(FieldsPanel).focus_first()
        elif here is not self.focused:
            here.focus()

    def on_conversation_edited(self, message: ConversationEdited) -> None:
        if self.encounter.busy:
            self._late = message.text
        if self.encounter.signed or self.encounter.busy:
            return
        self.edge.encounters.stop_reading(self.encounter)
        self.edge.encounters.set_conversation(self.encounter, message.text)
        self._read_soon()
        pane = self.query_one(ConversationPane)
        if not pane.editing:
            pane.show_talk(self.encounter.conversation)
        self.tick()
        self._check_soon()

    def on_section_edited(self, message: SectionEdited) -> None:
        if not self.encounter.signed:
            self.tick()  # the section has put its text there already
            self._tell_keys()
            self._check_soon()

    def on_spot(self, message: Spot) -> None:
        self.query_one(TranscriptView).light_up(*message.places)
        self._tell_keys()

    def on_turn_chosen(self, message: TurnChosen) -> None:
        if not self.panel.basis:
            self.panel.turn_chosen(message.start, message.end)

    def on_said_inserted(self, message: SaidInserted) -> None:
        self.edge.go(self._insert(message.omission))

    async def _insert(self, omission: Omission) -> None:
        """As the clinician's own edit, which Ctrl+Z takes back."""
        place = self.edge.encounters.insert_said(self.encounter, omission)
        heading = self.query_one(NotePanel).insert(place.position, place.start, place.end, place.text)
        self.edge.tell(t("sources.inserted", section=meant(heading)))
        await self.edge.encounters.check(self.encounter)

    def on_said_set_aside(self, message: SaidSetAside) -> None:
        self._ask_reason(lambda reason: self._set_aside(message.omission, reason))

    def _ask_reason(self, then: Callable[[str], None], reasons: tuple[str, ...] = REASONS) -> None:
        def written(words: str | None) -> None:
            if words and words.strip():
                then(words)

        def chosen(answer: str | None) -> None:
            if answer == "other":
                self.app.push_screen(Ask(t("reason.title"), t("reason.words")), written)
            elif answer:
                then(t(f"reason.{answer}"))

        options = [(name, t(f"reason.{name}")) for name in (*reasons, "other")]
        self.app.push_screen(Choose(t("reason.title"), options), chosen)

    def _set_aside(self, omission: Omission, reason: str) -> None:
        self.encounter.dismiss(omission, reason)
        self.post_message(EncounterChanged(self.encounter, "review"))

    def on_codes_asked(self, message: CodesAsked) -> None:
        self.edge.go(self.edge.encounters.code(self.encounter))

    def on_codes_accepted(self, message: CodesAccepted) -> None:
        for at in message.places:
            self.edge.encounters.decide(self.encounter, at, code_decisions.accept(self.encounter.codes.entries[at]))

    def on_code_rejected(self, message: CodeRejected) -> None:
        def rejected(reason: str) -> None:
            entry = code_decisions.reject(self.encounter.codes.entries[message.at], reason)
            self.edge.encounters.decide(self.encounter, message.at, entry)

        self._ask_reason(rejected, CODE_REASONS)

    def on_code_chosen(self, message: CodeChosen) -> None:
        if self.encounter.signed or self.encounter.busy:
            return
        entry = self.encounter.codes.entries[message.at]

        def answered(words: str | None) -> None:
            if words and words.strip():
                self.edge.go(self._choose_code(message.at, words))

        title = t("codes.change", code=entry.code)
        self.app.push_screen(Ask(title, t("codes.words"), one_line(entry.quote, 80), ok=t("find.button")), answered)

    async def _choose_code(self, at: int, words: str) -> None:
        """Take another code of the catalogue instead of a candidate."""
        found = await self.edge.encounters.search_code(words)

        def answered(code: str | None) -> None:
            chosen = next((one for one in found if one.code == code), None)
            if chosen is not None:
                entry = code_decisions.accept(self.encounter.codes.entries[at], chosen)
                self.edge.encounters.decide(self.encounter, at, entry)

        if not found:
            self.edge.tell(t("codes.no_hit"))
            return
        options = [(one.code, f"{one.code}  {one.description}") for one in found]
        self.app.push_screen(Choose(t("codes.choose"), options), answered)

    async def on_tabbed_content_tab_activated(self) -> None:
        if not self._filled:
            return
        pane = self.query_one(ConversationPane)
        await self.panel.show(self.encounter, self._job)
        text, title = self.panel.left(self.encounter)
        if text:
            pane.show_basis(text, title)
        elif self.encounter.conversation.strip() and not pane.editing:
            pane.show_talk(self.encounter.conversation)
        if self._panel == "history":
            self.edge.go(self._fill_history())

    async def _fill_history(self) -> None:
        encounter = self.encounter
        if not encounter.id:
            return

        def read(vault: Vault) -> tuple[list[Past], list[Signature]]:
            past = [Past(*one) for one in keeping.written_notes(vault, encounter.id)]
            return past, vault.edits.signatures(encounter.id)

        await self.edge.encounters.save(encounter, commit=True)
        past, signatures = await self.edge.vault.call(read)
        self.query_one(HistoryPanel).fill(past, signatures, encounter)

    def on_restore_asked(self, message: RestoreAsked) -> None:
        self.edge.go(self._restore(message.document, message.number))

    async def _restore(self, document: int, number: int) -> None:
        await self.edge.encounters.restore(self.encounter, document, number)
        await self._fill_history()
        self.edge.tell(t("history.restored"))

    def on_row_chosen(self, message: RowChosen) -> None:
        if self.encounter.signed:
            return
        key, index = message.key, message.index
        heading = t("fields.edit_title") if index is not None else t("fields.add_title", field=field_label(key))
        before = self.encounter.rows[index].entry.text if index is not None else ""

        def answered(text: str | None) -> None:
            if text is not None:
                self.edge.go(self._correct(index, key, text))

        self.app.push_screen(Ask(heading, field_label(key), before), answered)

    async def _correct(self, index: int | None, key: str, text: str) -> None:
        """Take a corrected entry; its place lights up."""
        at = await self.edge.encounters.correct(self.encounter, index, key, text)
        panel = self.query_one(FieldsPanel)
        await panel.show(self.encounter, self._job)
        if text.strip():
            panel.go_to(at)

    def on_rows_accepted(self, message: RowsAccepted) -> None:
        if not self.encounter.signed:
            self.encounter.accept_rows(message.indices)
            self.post_message(EncounterChanged(self.encounter, "rows"))

    # -- actions ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        encounter = self.encounter
        if action in ("write", "rewrite", "template", "extract", "edit_talk", "open_file"):
            return not encounter.busy and not encounter.signed
        if action in ("sign", "amend"):  # one key: it does what the note is ready for
            return encounter.signed == (action == "amend")
        if action == "stop":
            return encounter.busy
        if action in ("undo", "redo"):
            area = self._typing
            typed = area is not None and (area.history.undo_stack if action == "undo" else area.history.redo_stack)
            return bool(typed) or (action == "undo" and (self._speakers_undoable or encounter.undoable))
        if action in ("speaker", "speaker_all", "speaker_next"):
            here = isinstance(self.focused, TranscriptView) and self.focused.turns and not self.panel.basis
            free = bool(here) and not encounter.busy and not encounter.signed
            return free and (action != "speaker_next" or bool(self.query_one(ConversationPane).unnamed))
        if action in actions.IN_PANELS:
            free = action == "jump" or not (encounter.busy or encounter.signed)
            return free and self._filled and self.panel.has_focus_within and self.panel.can(action)
        return True

    def action_write(self) -> None:
        self._ask_to_write(None)

    def _ask_to_write(self, template_name: str | None) -> None:
        """Write, after a question where that would put a person's words aside."""
        theirs = self.encounter.replaces(templates.get_or_visit(template_name or self.encounter.template))
        if not theirs:
            self.edge.go(self._write(template_name))
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.edge.go(self._write(template_name))

        names = ", ".join(meant(heading) for heading in theirs)
        self.app.push_screen(Confirm(t("encounter.replace_sure", sections=names)), answered)

    async def _write(self, template_name: str | None) -> None:
        had = self.encounter.has_note and not self.encounter.incomplete
        pane = self.query_one(ConversationPane)
        if pane.editing and pane.talk() != self.encounter.conversation:  # the last key's message is still on its way
            self.edge.encounters.set_conversation(self.encounter, pane.talk())
        if pane.editing and self.encounter.conversation.strip():
            pane.show_talk(self.encounter.conversation)
            pane.edit(False)
        self.open_panel("note")
        await self.edge.encounters.write(self.encounter, template_name)
        self.set_class(True, "-note-side")
        if had:
            self.edge.tell(t("encounter.in_history"))

    @property
    def _cut_here(self) -> list[OpenSection | None]:
        """What a person may take as complete where the cursor is: a section that was cut, or None for the fields."""
        editor = self.query_one(NotePanel).current()
        here: list[OpenSection | None] = [editor.part] if self._panel == "note" and editor is not None else []
        here += [None] if self._panel == "fields" else []
        return [one for one in here if self.encounter.can_accept(one)]

    def action_accept_cut(self) -> None:
        """A person says that what was cut is complete: never by one key alone.

        Where nothing is cut it says so: the key must not reach the text field, where it would delete the line's end.
        """
        if not self._cut_here:
            self.edge.tell(t("encounter.nothing_cut"))
        for one in self._cut_here:
            name = meant(one.heading) if one is not None else t("encounter.fields")

            def answered(sure: bool | None, one: OpenSection | None = one) -> None:
                if sure:
                    self.edge.go(self.edge.encounters.accept(self.encounter, one))

            self.app.push_screen(Confirm(t("encounter.accept_sure", section=name)), answered)

    @property
    def _typing(self) -> SafeArea | None:
        """The field that is typed in."""
        return self.focused if isinstance(self.focused, SafeArea) and not self.focused.read_only else None

    def action_undo(self) -> None:
        """Take back what was typed or corrected here; where nothing was, what the model has last written over."""
        area = self._typing
        if area is not None and area.history.undo_stack:
            area.undo()
        elif self._speakers_undoable:
            self.query_one(ConversationPane).undo()
        else:
            self.edge.go(self.edge.encounters.undo(self.encounter))

    @property
    def _speakers_undoable(self) -> bool:
        free = not self.encounter.busy and not self.encounter.signed and isinstance(self.focused, TranscriptView)
        return free and self.query_one(ConversationPane).undoable

    def action_redo(self) -> None:
        if (area := self._typing) is not None:
            area.redo()

    def action_stop(self) -> None:
        """After a question: the key may be the one that began it, held too long."""

        def answered(sure: bool | None) -> None:
            if sure:
                self.edge.encounters.stop(self.encounter)

        self.app.push_screen(Confirm(t("encounter.stop_sure")), answered)

    def action_rewrite(self) -> None:
        editor = self.query_one(NotePanel).current()
        if editor is None:
            return
        key = editor.part.key

        def answered(wish: str | None) -> None:
            if wish is not None:
                self.edge.go(self.edge.encounters.rewrite(self.encounter, key, wish))

        heading = t("rewrite.title", section=meant(editor.part.heading))
        note = t("rewrite.replace") if editor.part.by_person else ""
        self.app.push_screen(Ask(heading, t("rewrite.wish"), ok=t("rewrite.button"), note=note), answered)

    def action_template(self) -> None:
        options = [(name, titled(name)) for name in templates.names()]

        def answered(name: str | None) -> None:
            if name:
                self._ask_to_write(name)

        self.app.push_screen(Choose(t("template.title"), options, chosen=self.encounter.template), answered)

    def action_extract(self) -> None:
        self.open_panel("fields")
        self.edge.go(self.edge.encounters.extract(self.encounter))

    def action_sign(self) -> None:
        self.edge.go(self._ask_to_sign())

    async def _ask_to_sign(self) -> None:
        """Once, with what is open: it is kept with the signature."""
        shown = await self.edge.encounters.checked(self.encounter)

        def answered(name: str | None) -> None:
            if name:
                self.edge.named(name)
                self.edge.go(self._sign(name, shown))

        cut = [meant(heading) for heading in self.encounter.cut_headings]
        cut += [] if self.encounter.fields_whole else [t("encounter.fields")]
        if self.encounter.incomplete and not cut:
            cut = [t("encounter.note")]  # an older note, which does not say where its writing ended
        self.app.push_screen(Sign(self.edge.settings.signer, cut, flags.signing_lines(shown)), answered)

    async def _sign(self, name: str, shown: ShownAtSigning) -> None:
        await self.edge.encounters.sign(self.encounter, name, shown)
        self.edge.tell(t("sign.done"))

    def action_amend(self) -> None:
        self.edge.go(self.edge.encounters.amend(self.encounter))

    def action_export(self) -> None:
        forms = [("md", t("export.md")), ("txt", t("export.txt")), ("fhir", t("export.fhir"))]
        note = t("export.about", folder=short(self.edge.settings.exports()))
        note += "" if self.encounter.signed else f"\n{t('export.draft')}"

        def answered(form: str | None) -> None:
            if form:
                self.edge.go(self.edge.export(self.encounter.id, form))

        self.app.push_screen(Choose(t("export.title"), forms, note), answered)

    def in_bar(self, action: actions.Action) -> bool:
        """Copying is shown once it was allowed; what is for a section, while one is looked at."""
        if action.name == "copy":
            return self.edge.settings.copy_osc52
        if action.name == "accept_cut":
            return bool(self._cut_here)
        left = isinstance(self.focused, TranscriptView)
        return super().in_bar(action) and not (left and action.name in ("rewrite", "template"))

    def action_copy(self) -> None:
        """Copy a section or the note; whether copying is wanted at all is asked at the first time."""
        if setting.forbids_copying():
            self.edge.tell(t("copy.forbidden"))
        elif self.edge.settings.copy_osc52:
            self._choose_copy()
        else:
            self.app.push_screen(Confirm(t("copy.ask", seconds=CLEAR_AFTER)), self._copy_allowed)

    def _copy_allowed(self, sure: bool | None) -> None:
        if not sure:
            self.edge.tell(t("export.no_copy"))
            return
        self.edge.settings.copy_osc52 = True
        settings.save(self.edge.settings)
        self.keys_changed()
        self._choose_copy()

    def _choose_copy(self) -> None:
        editor = self.query_one(NotePanel).current()
        here = self.encounter.sections.index(editor.part) if editor is not None and editor.part.text.strip() else None
        options = [("note", t("copy.note"))]
        if editor is not None and here is not None:
            options.insert(0, ("section", t("copy.section", section=meant(editor.part.heading))))

        def answered(what: str | None) -> None:
            if what:
                self.edge.go(self.edge.copy_note(self.encounter, here if what == "section" else None))

        note = t("copy.about", seconds=CLEAR_AFTER, folder=short(self.edge.settings.exports()))
        self.app.push_screen(Choose(t("action.copy"), options, note), answered)

    def action_find(self) -> None:
        """Find words in the note, or in the conversation where the cursor is in it; the same again finds the next."""
        left = isinstance(self.focused, TranscriptView)

        def answered(words: str | None) -> None:
            self._words = (words or "").strip()
            if self._words:
                self._find_left() if left else self._find_in_note()

        title = t("find.conversation" if left else "find.note")
        self.app.push_screen(Ask(title, "", self._words, ok=t("find.button")), answered)

    def _find_left(self) -> None:
        self._tell_found(*self.query_one(TranscriptView).find(self._words))

    def _find_in_note(self) -> None:
        if self._panel != "note":
            self.open_panel("note")
        self._tell_found(*self.query_one(NotePanel).find(self._words))

    def _tell_found(self, number: int, count: int) -> None:
        self.edge.tell(t("find.found", number=number, count=count) if count else t("find.none"))

    def action_save(self) -> None:
        self.edge.go(self.edge.encounters.save(self.encounter, commit=True))

    def action_title(self) -> None:
        def answered(title: str | None) -> None:
            if title:
                self.edge.go(self.edge.encounters.rename(self.encounter, title))

        self.app.push_screen(Ask(t("title.title"), "", self.encounter.title), answered)

    def action_open_file(self) -> None:
        self.edge.go(self._open_file())

    async def _open_file(self) -> None:
        await self.edge.encounters.save(self.encounter, commit=True)  # what was typed until now is in the history
        before = self.encounter.conversation
        await self.edge.open_file(self.encounter, lambda: self._taken(before))

    def _taken(self, before: str) -> None:
        pane = self.query_one(ConversationPane)
        if before.strip():
            pane.remember(before)
        pane.show_talk(self.encounter.conversation)
        pane.edit(False)
        self._read_soon()

    def action_edit_talk(self) -> None:
        pane = self.query_one(ConversationPane)
        if pane.editing:
            pane.show_talk(self.encounter.conversation)
        pane.edit(not pane.editing, self.encounter.conversation)

    def action_speaker(self) -> None:
        self.query_one(ConversationPane).next_speaker()

    def action_speaker_all(self) -> None:
        pane = self.query_one(ConversationPane)
        turn = pane.here
        if turn is None:
            return
        speaker = turn.speaker
        count = sum(one.speaker == speaker for one in self.query_one(TranscriptView).turns)
        chosen = pane.likely(speaker)
        options = [(role, t(f"speaker.{role.lower()}")) for role in SPEAKERS if role != speaker]
        options.append(("", t("speaker.other")))

        def answered(name: str | None) -> None:
            if name:
                pane.rename(speaker, name)
            elif name is not None:
                self.app.push_screen(Ask(heading, t("speaker.name")), named)

        def named(name: str | None) -> None:
            if name and name.strip():
                pane.rename(speaker, name)

        heading = t("speaker.title" if speaker else "speaker.title_none", speaker=speaker, count=count)
        self.app.push_screen(Choose(heading, options, chosen=chosen), answered)

    def action_speaker_next(self) -> None:
        self.query_one(ConversationPane).go_to_unnamed()

    def in_panel(self, action: str) -> None:
        """Do an action of actions.IN_PANELS."""
        self.panel.act(action)

    def open_panel(self, name: str) -> None:
        """Show a panel, with the cursor in it."""
        self.set_class(True, "-note-side")
        self.query_one(TabbedContent).active = f"panel-{name}"
        self.query_one(f"#panel-{name} PanelBase", PanelBase).focus_first()

    def action_swap(self) -> None:
        """Move between the sides; on a narrow screen only one of them shows."""
        pane = self.query_one(ConversationPane)
        to_right = pane.has_focus_within or not self.has_class("-note-side")
        self.set_class(to_right, "-note-side")
        if to_right:
            self.panel.focus_first()
        else:
            pane.edit(pane.editing, self.encounter.conversation)

    def action_back(self) -> None:
        self.edge.go(self.edge.leave_encounter(self.encounter))


for _name, _ in PANELS:  # the actions that tui.actions makes of the registry of panels
    setattr(EncounterScreen, f"action_panel_{_name}", partialmethod(EncounterScreen.open_panel, _name))
for _name in actions.IN_PANELS:
    setattr(EncounterScreen, f"action_{_name}", partialmethod(EncounterScreen.in_panel, _name))
