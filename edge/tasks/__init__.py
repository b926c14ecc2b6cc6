"""What the product does: a document becomes a note, or structured fields. Each task sees only the Engine protocol."""
