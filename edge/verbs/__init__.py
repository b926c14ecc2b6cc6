"""The verbs of `edgescribe`, one file each: add_parser() describes it, run() does it. Heavy imports happen in run()."""
