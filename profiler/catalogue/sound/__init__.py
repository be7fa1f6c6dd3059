"""Levels and sound quality: V1 to V6."""
