"""Where the clean, isolated interpreter starts (see environment.py). Run as a file, never imported."""

import os
import sys

if __name__ == "__main__":
    # `-I` leaves the current folder out of the path; a source checkout is then found from this file's own place. Last,
    # so that nothing in it can stand in for a module of the standard library.
    _ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if _ROOT not in sys.path:
        sys.path.append(_ROOT)
    sys.argv[0] = "edgescribe"

    from edge.__main__ import main

    sys.exit(main())
