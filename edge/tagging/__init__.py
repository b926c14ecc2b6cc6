"""Small encoders behind one call: spans of a text with labels, scores and attributes.

Ends where spans or facts are returned; what is done with them is the business of tasks and of evidence.
"""
