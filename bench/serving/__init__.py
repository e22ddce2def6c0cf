"""An encoder outside the harness: one file that stands alone, sessions as plain Python, exported programs, latency."""
