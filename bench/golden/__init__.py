"""The regression gate: tables of a tiny grid, committed, and compared with what comes out today."""
