"""Notes made from facts that were found: lines worded by rules, prose worded by a language model, both mended."""
