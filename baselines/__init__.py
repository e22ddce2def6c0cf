"""Built-in downstream models."""
