"""Language model runtimes behind one protocol: load a verified bundle, read a prompt, stream an answer."""
