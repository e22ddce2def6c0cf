"""Statistics: paired tests with the user as the unit, and corrections for many of them."""
