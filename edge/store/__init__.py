"""The vault: one encrypted file for every encounter, its keys, its audit chain, its backups."""
