"""Examples of each task: which prefixes of which sessions, and what is right about each."""
