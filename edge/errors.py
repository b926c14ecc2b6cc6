"""Every error that a user can meet: what happened, why, what to do next, and the exit code that goes with it.

Messages must never hold patient text: they may be printed, logged and shown to IT.
"""

from __future__ import annotations


class EdgescribeError(Exception):
    """Base of all named errors.

    what: one sentence, what happened. why: the cause, if known. hint: what to do next.
    """

    exit_code = 1
    title = "Error"

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        self.what, self.why, self.hint = what, why, hint
        super().__init__(what)

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.hint) if part)


class UsageError(EdgescribeError):
    """The command line or a configuration file asks for something that does not exist."""

    exit_code, title = 2, "Usage"


class InputError(EdgescribeError):
    """A document that cannot be read: binary, empty, wrong encoding, no turns, too long."""

    exit_code, title = 3, "Input"


class BundleError(EdgescribeError):
    """A model bundle that is missing, altered, unsigned or of another format version."""

    exit_code, title = 4, "Model bundle"


class VaultError(EdgescribeError):
    """The vault cannot be used as asked."""

    exit_code, title = 5, "Vault"


class WrongKeyError(VaultError):
    """The passphrase or recovery key does not open this vault."""

    title = "Wrong passphrase"


class NotAVaultError(VaultError):
    """The file is not an edgescribe vault."""

    title = "Not a vault"


class DamagedVaultError(VaultError):
    """The file is a vault, and its content does not pass its checks."""

    title = "Damaged vault"


class VaultBusyError(VaultError):
    """Another process holds this vault."""

    title = "Vault in use"


class EngineError(EdgescribeError):
    """The language model runtime failed or died."""

    exit_code, title = 6, "Engine"


class OutputError(EdgescribeError):
    """What the model wrote does not have the promised shape."""

    exit_code, title = 6, "Model output"


class SealError(EdgescribeError):
    """The process could not be sealed from the network."""

    exit_code, title = 7, "Seal"


class BaseModelError(EdgescribeError):
    """A base model cannot be found, fetched or verified (model side)."""

    exit_code, title = 8, "Base model"


class TrainingError(EdgescribeError):
    """A training or evaluation run cannot start or go on (model side)."""

    exit_code, title = 9, "Training"


class CatalogueError(EdgescribeError):
    """A classification or its index cannot be read."""

    exit_code, title = 10, "Catalogue"


class Cancelled(EdgescribeError):
    """The user stopped the work (Ctrl-C or Stop)."""

    exit_code, title = 130, "Stopped"


def as_error(fault: BaseException) -> EdgescribeError:
    """A named error for any fault; a fault without a name may quote the document, so only its type is kept."""
    if isinstance(fault, EdgescribeError):
        return fault
    return OutputError("Something in the program failed.", f"Cause: {type(fault).__name__}.", "Your text is kept.")
