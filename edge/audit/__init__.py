"""Evidence for an auditor: attempts to get out, the product's work under observation, inventory, a signed pack.

Nothing here runs in the clinician's process. `edgescribe audit network` starts it, as child processes of its own, in a
network namespace without a way out; the tests start the same code.
"""
