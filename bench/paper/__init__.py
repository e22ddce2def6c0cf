"""Liu et al., KDD 2022: the paper's experiments, published numbers, figures and case study."""
