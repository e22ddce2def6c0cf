"""MUVCOG (Liu et al., KDD 2022): its session graph, its two views, their contrast, and what we built on them."""
