"""One module per third-party program that verification runs."""
