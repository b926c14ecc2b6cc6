"""What a fault may say: where it happened and its kind. Never its message, arguments or local variables.

An exception's text can hold a patient's words (KeyError: 'Mrs …', a decoder quoting its input), so the hooks print
only types and places in code. The full traceback is not kept anywhere.
"""

from __future__ import annotations

import os
import sys
import threading
from types import TracebackType

from edge.errors import EdgescribeError

_FRAMES = 12


def report(kind: type[BaseException], trace: TracebackType | None) -> str:
    """Return the lines that describe a fault: its type and the last places in code, innermost last."""
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"  {_place(code.co_filename)}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    head = f"edgescribe stopped on a fault of its own ({kind.__name__}). Nothing of the document is in this report:"
    return "\n".join([head, *places[-_FRAMES:]])


def _place(filename: str) -> str:
    parts = filename.replace("\\", "/").split("/")
    return "/".join(parts[-3:])


def _print(kind: type[BaseException], value: BaseException | None, trace: TracebackType | None) -> None:
    if isinstance(value, EdgescribeError):  # our own errors are written to be shown
        text = str(value)
    else:
        text = report(kind, trace)
    try:
        os.write(2, (text + "\n").encode("utf-8", "replace"))
    except OSError:
        return


def install() -> None:
    """Make every uncaught fault of the main thread, other threads and destructors print report() only."""

    def on_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            _print(args.exc_type, args.exc_value, args.exc_traceback)

    def on_unraisable(args: sys.UnraisableHookArgs) -> None:
        _print(args.exc_type, args.exc_value, args.exc_traceback)

    def on_main(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        _print(kind, value, trace)

    sys.excepthook = on_main
    threading.excepthook = on_thread
    sys.unraisablehook = on_unraisable
