"""What a note stands on: its statements, the turns that support each, checks of one against the other, and what was
said and is not in the note. Pure functions over text and facts; no model is loaded here."""
