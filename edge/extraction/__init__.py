"""Fields of a report by a tagger, by a language model, or by both; and what a clinic's corrections teach.

edge.encounters opens the bundles; here a report goes in and edge.tasks.extract.Extraction comes out.
"""
