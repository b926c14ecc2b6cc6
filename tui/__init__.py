"""The terminal app. launcher.py starts it without secrets; app.py joins the parts below it (docs/adr/0050)."""
