"""Which of the paper's claims hold on the data at hand."""
