"""``python -m profiler``, for when the console script is not on the PATH."""

from profiler.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
