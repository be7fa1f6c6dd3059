"""Tests of what only a browser has."""
