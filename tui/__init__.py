"""The terminal app: screens over edge.service and edge.vaults; nothing of a model or a vault is imported here."""
