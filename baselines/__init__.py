"""Built-in baselines: the downstream models that session vectors are joined to, and references that learn nothing."""
