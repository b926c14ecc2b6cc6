"""What the model side and the laptop side share: shapes, document rendering, prompts and the bundle manifest."""
