"""From an entry to codes that may be reported: sides, the least exact leaf, the seventh character; what is left open.

ICD-10-CM official guidelines FY 2026: I.B.13 (a condition of both sides without a code for both is two codes), I.B.2
(codes to the highest number of characters), I.C.19.a (seventh characters A, D and S of injuries).
"""

from __future__ import annotations

import re
from functools import lru_cache

from edge.coding.lexicon import BODY, stem
from edge.terminology.catalogue import Catalogue, Code

_SIDES = ("right", "left", "bilateral")
_OPEN = frozenset(("unspecified", "unilateral", "side"))
Resolved = tuple[Code, tuple[str, ...]]


class Resolver:
    """Resolves entries of one catalogue. Answers are kept: notes ask for the same ones."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.sides_of = lru_cache(4096)(self._sides_of)

    def resolved(self, plain: str, sided: str, side: str) -> list[Resolved]:
        """Billable codes with what the text leaves open ("side", "encounter", "stage", "detail"): none if there is
        none, two for both sides of what has no code for both. plain: entry where no side is named; sided: with sides.
        """
        entry = self._catalogue.get(sided if side else plain)
        if entry is None:
            entry = self._catalogue.get(plain)
        if entry is None:
            return []
        if not entry.billable:
            found = self.leaf(entry.code, side)
            return [found] if found is not None else []
        asks = self.sides_of(entry.code)
        if not asks:
            return [(entry, ("stage",) * self.stage_open(entry))]
        wanted = [asks[side]] if side in asks else [asks[one] for one in ("right", "left") if one in asks]
        if side not in asks and side != "bilateral":
            return [(entry, ("side",))]
        codes = [self._catalogue.get(code) for code in wanted]
        return [(code, ()) for code in codes if code is not None and code.billable] or [(entry, ("side",))]

    def _sides_of(self, code: str) -> dict[str, str]:
        """side -> code, for an entry whose description leaves the side open ("unspecified knee")."""
        holder = self._catalogue.get(code)
        suffix = ""
        if holder is not None and len(code) == 8 and (parent := self._catalogue.get(holder.parent)) is not None:
            holder, suffix = parent, code[7:]
        if holder is None:
            return {}
        found: dict[str, str] = {}
        for sibling in self._catalogue.children(holder.parent):
            for side in _SIDES:
                named = side in sibling.description and sibling.code != holder.code
                if named and _same_but_side(holder.description, sibling.description, side):
                    found.setdefault(side, extended(sibling.code, suffix) if suffix else sibling.code)
        if found and "bilateral" not in found and (both := self._both(holder)) is not None:
            found["bilateral"] = both
        return found

    def _both(self, holder: Code) -> str | None:
        """The code for both sides where it stands a step above ("M17.0" beside "M17.1")."""
        above = self._catalogue.get(holder.parent)
        words = {stem(word) for word in re.findall(r"[\w-]+", holder.description)} - _OPEN
        for aunt in self._catalogue.children(above.parent) if above is not None else ():
            named = {stem(word) for word in re.findall(r"[\w-]+", aunt.description)}
            if aunt.billable and named - {"of"} == (words | {"bilateral"}) - {"of"}:
                return aunt.code
        return None

    def leaf(self, code: str, side: str) -> Resolved | None:
        """The least exact billable entry at or below a code, on the named side, and what it leaves open."""
        leaves = list(self._catalogue.leaves(code))
        if not leaves:
            return None
        if leaves == [leaf for leaf in leaves if leaf.code == code]:
            return leaves[0], ()
        seventh = self._catalogue.seventh(code)
        top = self._catalogue.get(code)
        parts = top.description if top is not None else ""
        first = [leaf for leaf in leaves if not seventh or leaf.code.endswith("A")] or leaves

        sites = {own for leaf in leaves if (own := site(leaf.description) - site(parts))}
        several = len(sites) > 1  # "acute gout" on the right side is no shoulder's

        def general(leaf: Code) -> tuple[bool, bool, bool, bool, int]:
            text = leaf.description.casefold()
            other = any(one in text.split() for one in _SIDES if one != side)
            plain = "uncomplicated" in text or "without complication" in text
            nowhere = several and not site(text) - site(parts)
            return nowhere, bool(side) and side in text, not other, plain, text.count("unspecified")

        best = max(first, key=general)
        only = len({leaf.code[:7] for leaf in leaves}) == 1
        open_side = not side and any("left" in leaf.description for leaf in leaves)
        needs = ("encounter",) * bool(seventh) + ("side",) * open_side
        if only:
            return best, needs
        return best, (*needs, "stage" if self.stage_open(best) else "detail")

    def stage_open(self, code: Code) -> bool:
        """Whether an entry leaves a stage open that those beside it name ("chronic kidney disease, unspecified")."""
        if "unspecified" not in code.description or not code.parent:
            return False
        beside = self._catalogue.children(code.parent)
        return any(re.search(r"\bstage \d", other.description) for other in beside)

    def subsequent(self, code: Code) -> Code:
        """The same injury in a later encounter (D, routine healing for fractures), or the code itself."""
        if len(code.code) != 8 or code.code[7] not in "ABC":
            return code
        return self._catalogue.get(f"{code.code[:7]}D") or code


def site(description: str) -> frozenset[str]:
    """Parts of the body that a description names, as stems."""
    return frozenset(map(stem, re.findall(r"[\w-]+", description))) & BODY


def extended(code: str, seventh: str) -> str:
    """A code with its seventh character, X in the empty places."""
    return f"{code if '.' in code else code + '.'}".ljust(7, "X") + seventh


def _same_but_side(plain: str, sided: str, side: str) -> bool:
    """Whether a description is another's with a side in place of "unspecified"; "limb" is "limbs"."""
    left, right = ([stem(word) for word in re.findall(r"[\w-]+", text)] for text in (plain, sided))
    return [w for w in right if w not in (side, *_OPEN)] == [w for w in left if w not in _OPEN]
