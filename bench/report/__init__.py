"""From stored cells to what people and programs read."""
