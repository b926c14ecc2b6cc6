"""Other systems' forms of what the vault keeps."""
