"""The fleet: rows, filters, who stands out, the strip of all models, the table."""
