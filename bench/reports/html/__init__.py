"""The report: one HTML file of the answer, the claims, the tables, the cells and the data; it opens without network."""
