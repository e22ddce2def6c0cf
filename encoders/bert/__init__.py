"""Text features of Table 4, second row: word vectors of a masked language model, pooled."""
