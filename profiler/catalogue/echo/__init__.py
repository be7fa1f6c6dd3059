"""Echo tests A1 to A8 and the barge-in verdict."""
