"""ALSTP: Guo et al., Attentive Long Short-Term Preference Modeling for Personalized Product Search, TOIS 2019."""
