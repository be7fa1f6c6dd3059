"""One module per command, each with ``execute(args) -> exit code``; imported when called."""
