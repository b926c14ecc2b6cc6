"""Rules on clinical text, English and German: language, headings, assertion status, tables, medication lines, age.

No model is needed and none is loaded. Extraction, evidence and training may all use it; it knows edge.contract only.
"""
