"""The verbs of `edgescribe-export`, one module each."""
