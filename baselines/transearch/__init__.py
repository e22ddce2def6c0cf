"""TranSearch: Guo et al., Multi-modal Preference Modeling for Product Search, MM 2018."""
