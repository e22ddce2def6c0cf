"""What can be wrong with a corpus, said for people."""
