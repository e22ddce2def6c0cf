"""From image files to the vectors that a corpus holds: ``bench data images`` as a function."""
