"""Built-in session encoders."""
