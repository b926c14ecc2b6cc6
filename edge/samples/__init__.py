"""Samples that ship with the program: written for it, free of any real person (CC0)."""

# SHA-256 of visit.txt as the vault keeps its text: an encounter with this source is no patient's, and is labelled so.
VISIT_SHA256 = "d2bd5b35340e831d5f7d70456df011063f5e668e1c2f7202c1b453b5f80fac99"
