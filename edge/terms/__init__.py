"""What clinical language means, as data and small pure functions: numbers in words, drug names, names of one concept.

Knows nothing of notes, conversations or models; edge.evidence and edge.tagging both read with it.
"""
