"""All that is about one paper: Liu et al., KDD 2022; its experiments, published numbers, figures and case study."""
