"""Samples that ship with the program: written for it, free of any real person (CC0)."""
