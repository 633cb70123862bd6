"""`pggit-excellence evidence`: what a database can show an auditor, in one file that cannot be changed unnoticed."""

COMMANDS = {
    "collect": "run every query for a period and put the results into one signed zip file",
    "verify": "is this file what was collected and signed, complete and unchanged?",
}
# `evidence --period ...` is `evidence collect --period ...`.
DEFAULT = "collect"
