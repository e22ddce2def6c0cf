"""Reports: tables and records of results, independent of the formats they are written in."""
