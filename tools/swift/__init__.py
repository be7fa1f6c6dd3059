"""Swift on Linux: the compiler, and the iOS probe built with it for a test."""
