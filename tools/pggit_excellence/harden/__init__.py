"""`pggit-excellence harden`: hardening from the command line, one module per command."""

COMMANDS = {
    "check": "every check with its evidence and what mends it; for CI, by the exit status",
    "score": "how much of each category is hardened",
    "plan": "the statements that would harden pgGit, without running any",
    "apply": "run them, all or nothing; each can be undone",
    "undo": "put back what apply changed",
}
