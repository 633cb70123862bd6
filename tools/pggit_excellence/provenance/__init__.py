"""`pggit-excellence provenance`: by whom, from what and how files were built, as SLSA provenance v1."""

COMMANDS = {
    "create": "write a signed statement about files that were built",
    "verify": "does a signed statement say about these files what is expected?",
}
