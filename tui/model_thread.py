"""From the engine to the screen: one thread writes, job after job; the screen takes what came in batches.

Nothing here calls the screen. The thread appends to a buffer in which adjacent events merge; a timer of the app takes
it every 100 ms. So a fast model can't flood the screen, and a slow screen can't hold up the model. What
writes is imported by the thread, not with this module: the first screen must not wait for it.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.contract.events import Finished, Reading, SectionFinished, SectionStarted, Text
from edge.contract.templates import SectionSpec, Template
from edge.errors import BundleError, EdgescribeError, EngineError, as_error

if TYPE_CHECKING:
    from edge.encounters.checking import Checker
    from edge.encounters.open_encounter import OpenEncounter, OpenSection
    from edge.encounters.writing import EngineInfo, Extraction, Note, Scribe


@dataclass(frozen=True)
class Ahead:
    """A conversation to be read while nothing is written. owner: whose it is, as stop_reading() names it."""

    owner: int
    text: str = field(repr=False)
    template: Template = field(repr=False)
    form: str = "auto"


Opener = Callable[[Callable[[int, int], None]], "Scribe"]
_numbers = itertools.count(1)


@dataclass
class Job:
    """Work for the model about one encounter. number: unique. stopped: the user wants it to end."""

    kind = ""

    encounter: OpenEncounter = field(repr=False)
    text: str = field(repr=False)
    number: int = field(default_factory=lambda: next(_numbers))
    stopped: threading.Event = field(default_factory=threading.Event, repr=False)

    def run(self, scribe: Scribe) -> Iterator[Any]:
        raise NotImplementedError

    @property
    def steps(self) -> int:
        """Parts that it will write."""
        return 1


@dataclass
class NoteJob(Job):
    """Write the sections of a template."""

    kind = "note"

    template: Template = field(default_factory=lambda: Template("", "", ()), repr=False)
    parts: int = 1  # of a long conversation, known once it was read
    form: str = "auto"  # what the note is made of (edge.encounters.writing.FORMS)

    def run(self, scribe: Scribe) -> Iterator[Any]:
        return scribe.sections(self.text, self.template, self.form)

    def early(self, checker: Checker) -> Scribe | None:
        """What runs it while the model is still being opened, if it is a note of facts; None: it needs the model."""
        from edge.encounters.writing import FACTS, Scribe

        with contextlib.suppress(EdgescribeError):  # whoever asks the model itself is told what is wrong
            scribe = Scribe.without_model(BundleError("The model is not open yet."), checker)
            return scribe if scribe.form_of(self.template, self.text, self.form) == FACTS else None
        return None

    @property
    def steps(self) -> int:
        return len(self.template.sections) * self.parts


@dataclass
class RewriteJob(Job):
    """Write one section anew."""

    kind = "rewrite"

    section: OpenSection | None = field(default=None, repr=False)
    spec: SectionSpec = field(default_factory=lambda: SectionSpec("", "", ""), repr=False)
    current: str = field(default="", repr=False)
    wish: str = field(default="", repr=False)

    def run(self, scribe: Scribe) -> Iterator[Any]:
        return scribe.rewrite(self.text, self.spec, self.current, self.wish)


@dataclass
class ExtractJob(Job):
    """Extract the fields of a text."""

    kind = "extract"

    def run(self, scribe: Scribe) -> Iterator[Any]:
        from edge.encounters.extracting import Extractor
        from edge.encounters.open_encounter import typed

        return Extractor.of(scribe).extract(typed(self.text, "note"))


@dataclass(frozen=True)
class Loading:
    """The bundle is being checked: bytes done of total."""

    done: int
    total: int


@dataclass(frozen=True)
class Ready:
    """The bundle can write."""

    info: EngineInfo


@dataclass(frozen=True)
class Unavailable:
    """No bundle could be opened."""

    error: EdgescribeError


@dataclass(frozen=True)
class Update:
    """Something new of a job: reading progress (0 to 1), a section that starts, text, a section that ended."""

    job: Job
    reading: float | None = None
    started: SectionStarted | None = None
    text: str = field(default="", repr=False)
    finished: SectionFinished | None = None


@dataclass(frozen=True)
class Done:
    """A job ended: with its result, or with an error (then a part of it may have been written)."""

    job: Job
    result: Note | Extraction | None = field(default=None, repr=False)
    error: EdgescribeError | None = None


ModelNews = Loading | Ready | Unavailable | Update | Done


class ModelThread:
    """Owns the open bundle. opener is called on a thread of its own, so that what needs no model (a note made of facts)
    is written meanwhile; a bundle that died is opened again."""

    def __init__(self, opener: Opener, checker: Callable[[], Checker]) -> None:
        """checker: gives what finds facts, while the model is being opened and then."""
        self._opener, self._checker = opener, checker
        self._scribe: Scribe | None = None
        self._opening: threading.Thread | None = None
        self._fault: EdgescribeError = BundleError(
            "There is no model to write with.", "", "Choose one in the settings."
        )
        self._wake = threading.Condition()
        self._queue: list[Job] = []
        self._ahead: Ahead | None = None  # the newest; it waits until nothing is to be written
        self._reading = 0  # owner of what the engine reads ahead
        self._active: Job | None = None
        self._held = False  # the active job waits for the model
        self._buffer: list[ModelNews] = []
        self._closing = self._again = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._pace: list[float] = []  # seconds a section that the model wrote, newest last
        self._modelled = False  # the model wrote the last section; one of facts takes no time
        self._since = 0.0

    def start(self) -> None:
        """Begin to load the bundle."""
        self._thread.start()

    def reopen(self) -> None:
        """Let go of the bundle once the running job is done, and open the one that is chosen by then."""
        with self._wake:
            self._again = True
            self._wake.notify_all()

    def submit(self, job: Job) -> None:
        """Queue a job."""
        with self._wake:
            self._queue.append(job)
            self._ahead = None
            self._wake.notify_all()

    def read_ahead(self, ahead: Ahead) -> None:
        """Let the model read a conversation for which a note may be asked, beside everything else, as soon as nothing
        is to be written. A newer one takes its place. Where a note needs no model nothing is read.
        """
        with self._wake:
            self._ahead = ahead
            self._wake.notify_all()

    def stop_reading(self, owner: int) -> None:
        """Read no further in a conversation that changed or was left."""
        with self._wake:
            if self._ahead is not None and self._ahead.owner == owner:
                self._ahead = None
            if self._reading == owner and self._active is None and self._scribe is not None:
                self._reading = 0
                self._scribe.engine.cancel()

    def stop(self, number: int) -> None:
        """End a job: at once if it runs, without a trace of work if it still waits (Done comes in both cases)."""
        with self._wake:
            for job in self._queue:
                if job.number == number:
                    self._queue.remove(job)
                    self._buffer.append(Done(job))
                    return
            if self._active is not None and self._active.number == number:
                self._active.stopped.set()
                if self._scribe is not None:
                    self._scribe.engine.cancel()
                self._wake.notify_all()

    def knows(self, number: int) -> bool:
        """Whether a job is queued, runs, or has ended and was not told yet."""
        with self._wake:
            told = [one.job for one in self._buffer if isinstance(one, Update | Done)]
            jobs = [*self._queue, *told, *([self._active] if self._active else [])]
            return any(job.number == number for job in jobs)

    def take(self) -> list[ModelNews]:
        """What happened since the last call, oldest first."""
        with self._wake:
            taken, self._buffer = self._buffer, []
        return taken

    def waiting(self) -> tuple[int, float | None]:
        """Jobs that are queued or running, and seconds until all are done, if there is a pace to tell it by."""
        with self._wake:
            jobs = [*([self._active] if self._active else []), *self._queue]
            if not jobs or not self._pace:
                return len(jobs), None
            pace = sum(self._pace[-5:]) / len(self._pace[-5:])
            spent = min(pace, time.monotonic() - self._since) if self._active else 0.0
            return len(jobs), max(1.0, pace * sum(job.steps for job in jobs) - spent)

    @property
    def active(self) -> int:
        """Number of the job that runs, 0 if none does or it waits for the model."""
        with self._wake:
            return self._active.number if self._active and not self._held else 0

    def close(self) -> None:
        """Stop writing and free the model. Waits as long as an engine needs to let go of a token, never for a bundle
        that is still being loaded."""
        with self._wake:
            self._closing = True
            self._queue.clear()
            self._ahead = None
            if self._active is not None:
                self._active.stopped.set()
            if self._scribe is not None:
                self._scribe.engine.cancel()
            self._wake.notify_all()
        if self._thread.is_alive() and self._scribe is not None:
            self._thread.join(timeout=5)

    @property
    def ended(self) -> bool:
        """Whether nothing works here any more."""
        return not (self._thread.is_alive() or self._opening)

    def _work(self) -> None:
        self._begin()
        while (job := self._next()) is not None:
            if isinstance(job, Ahead):
                self._read(job)
                continue
            try:
                scribe = self._scribe_for(job)
                if scribe is None:
                    self._put(Done(job))
                else:
                    self._run(job, scribe)
            except BaseException as fault:  # noqa: BLE001 - the worker's edge: handed to the screen as a named error
                if isinstance(fault, EngineError):
                    self._drop()
                self._put(Done(job, None, as_error(fault)))
        self._drop()

    def _begin(self) -> None:
        """Let the bundle be opened."""
        with self._wake:
            self._opening = threading.Thread(target=self._open, name="opening", daemon=True)
            self._opening.start()

    def _open(self) -> None:
        scribe: Scribe | None = None
        try:
            scribe = self._opener(lambda done, total: self._put(Loading(done, total)))
            scribe.open_checker = scribe.open_checker or self._checker
            fact: ModelNews = Ready(scribe.engine.info)
        except BaseException as fault:  # noqa: BLE001 - the worker's edge
            self._fault = as_error(fault)
            fact = Unavailable(self._fault)
        with self._wake:
            self._opening = None
            late = self._closing
            self._scribe = None if late else scribe
            self._put(fact)
            self._wake.notify_all()
        if late and scribe is not None:
            scribe.engine.close()

    def _scribe_for(self, job: Job) -> Scribe | None:
        """What runs a job, once it is there; None if the job is stopped before.

        Raises EdgescribeError if the model can't be opened.
        """
        if self._scribe is None:
            if (early := self._early(job)) is not None:
                return early
            if self._scribe is None and self._opening is None:  # it failed before
                self._begin()
            with self._wake:
                self._held = True
                while self._opening is not None and not (job.stopped.is_set() or self._closing):
                    self._wake.wait()
                self._held, self._since = False, time.monotonic()
                if job.stopped.is_set() or self._closing:
                    return None
                if self._scribe is None:
                    raise self._fault
        return self._scribe

    def _early(self, job: Job) -> Scribe | None:
        return job.early(self._checker()) if isinstance(job, NoteJob) else None

    def _drop(self) -> None:
        scribe, self._scribe = self._scribe, None
        if scribe is not None:
            scribe.engine.close()

    def _read(self, ahead: Ahead) -> None:
        """The engine reads in its own thread. A fault is nobody's yet: a note that is asked for meets it again."""
        with contextlib.suppress(Exception):
            if self._scribe is not None:
                self._scribe.read_ahead(ahead.text, ahead.template, ahead.form)

    def _next(self) -> Job | Ahead | None:
        while True:
            with self._wake:
                self._active = None
                while not (self._queue or self._closing or (not self._opening and (self._again or self._ahead))):
                    self._wake.wait()
                if self._closing:
                    return None
                again = self._again and not self._opening
                if not again and self._queue:
                    self._active, self._since, self._reading = self._queue.pop(0), time.monotonic(), 0
                    return self._active
                if not again and self._ahead is not None:
                    ahead, self._ahead = self._ahead, None
                    self._reading = ahead.owner
                    return ahead
                self._again = False
            self._drop()
            self._begin()

    def _run(self, job: Job, scribe: Scribe) -> None:
        from edge.encounters.writing import ExtractionFinished, NoteFinished

        result: Note | Extraction | None = None
        for event in job.run(scribe):
            if job.stopped.is_set() and not isinstance(event, Finished):
                scribe.engine.cancel()  # a stop between two sections must reach the next one
            if isinstance(event, NoteFinished):
                result = event.note
            elif isinstance(event, ExtractionFinished):
                result = event.extraction
            elif (update := self._update(job, event)) is not None:
                self._put(update)
        self._put(Done(job, result))

    def _update(self, job: Job, event: Any) -> Update | None:
        match event:
            case Reading(done, total):
                return Update(job, reading=done / total if total else 1.0)
            case Text(text):
                return Update(job, text=text)
            case SectionStarted():
                if isinstance(job, NoteJob):
                    job.parts = event.parts
                return Update(job, started=event)
            case Finished():
                self._modelled = event.generated_tokens > 0
            case SectionFinished():
                now = time.monotonic()
                if self._modelled:
                    self._pace.append(now - self._since)
                self._since, self._modelled = now, False
                return Update(job, finished=event)
        return None

    def _put(self, fact: ModelNews) -> None:
        with self._wake:
            last = self._buffer[-1] if self._buffer else None
            if isinstance(fact, Update) and isinstance(last, Update) and last.job is fact.job:
                if fact.text and last.text:
                    self._buffer[-1] = Update(fact.job, text=last.text + fact.text)
                    return
                if fact.reading is not None and last.reading is not None:
                    self._buffer[-1] = fact
                    return
            elif isinstance(fact, Loading) and isinstance(last, Loading):
                self._buffer[-1] = fact
                return
            self._buffer.append(fact)
