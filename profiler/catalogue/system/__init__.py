"""System events, contention and Bluetooth: R1 to R4, K1, K2, B1 to B3."""
