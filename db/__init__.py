"""The store: devices, runs, trials, measurements and evidence."""
