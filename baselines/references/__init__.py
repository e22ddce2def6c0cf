"""References: rankers that learn nothing, for the first rows of a table."""
