"""``bench new-plugin``: the templates of a small distribution, one per kind of component."""
