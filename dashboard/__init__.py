"""The results dashboard: reads the store, never touches a phone."""
