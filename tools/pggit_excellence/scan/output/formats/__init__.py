"""How a report is printed. Each format is a module with `render(report) -> str`; only the chosen one is imported."""
