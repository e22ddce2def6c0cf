"""The regression gate: committed tables of a tiny grid ("golden"), compared with the tables computed now."""
