"""What the user sees: rules, formats, suppressions, baselines, fixes."""
