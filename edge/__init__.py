"""The laptop library: everything a clinician's machine runs, without torch and without a network client."""

__version__ = "0.1.0"
