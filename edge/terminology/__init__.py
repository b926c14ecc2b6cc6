"""Classifications of diseases: import, a read-only index on disk, look-up and search. ICD-10-CM comes with the program."""
