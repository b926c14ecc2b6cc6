"""What one can do with an encounter, once, under both doors: the command line and the app are thin over it."""
