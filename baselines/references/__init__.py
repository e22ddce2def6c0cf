"""References: rankers without learnt parameters, which stand first in a table."""
