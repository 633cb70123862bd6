"""The tasks of tools/run."""
