"""The model side, for hospital IT: data sets -> LoRA adapter, and the tables that say what it is worth."""
