"""Templates as they stand in an editor and in no file yet: at hand here, and in the vault a second later."""

from __future__ import annotations

from collections.abc import Iterator

from tui.vault_thread import VaultThread


class TemplateDrafts:
    """Texts by the template's name. All methods run in the app's event loop."""

    def __init__(self, vault: VaultThread) -> None:
        self._vault = vault
        self._texts: dict[str, str] = {}
        self._changed: set[str] = set()

    @property
    def dirty(self) -> bool:
        """Whether the vault does not know all of it yet."""
        return bool(self._changed)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._texts))

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def get(self, name: str) -> str | None:
        """The unsaved text of a template, or None."""
        return self._texts.get(name)

    def put(self, name: str, text: str | None) -> None:
        """A template's text is this by now; None: it is saved or given up."""
        if self._texts.get(name) == text:
            return
        if text is None:
            del self._texts[name]
        else:
            self._texts[name] = text
        self._changed.add(name)

    async def load(self) -> None:
        """Take up what the vault kept. Raises as the vault does."""
        kept = await self._vault.call(lambda vault: vault.unsaved.texts())
        self._texts = kept | self._texts

    async def save(self) -> None:
        """Bring the vault up to date; nothing to do costs nothing. Raises as the vault does."""
        if not self._changed:
            return
        texts = {name: self._texts.get(name) for name in self._changed}
        self._changed = set()
        try:
            await self._vault.call(lambda vault: vault.unsaved.keep(texts))
        except BaseException:
            self._changed |= set(texts)  # tried again at the next save
            raise
