"""From the words of a note to candidate codes of a classification, each with its quote. A clinician decides on each."""
