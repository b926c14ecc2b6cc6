"""From what a clinic has (transcripts, captions, office files, reports) to text, turns and what was noticed on the way.

Every byte read here is foreign: each reader goes over its input once, with no expression that can go back on itself
more than a bounded number of characters, and asks a checkpoint now and then whether to go on.
"""
