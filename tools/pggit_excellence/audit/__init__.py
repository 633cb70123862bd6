"""`pggit-excellence audit`: the audit log, from outside of the database: out of a superuser's reach."""

COMMANDS = {
    "checkpoint": "seal what was recorded, verify it, and sign the end of the chain into a file",
    "logins": "record failed logins and refused DDL from the server's csvlog or jsonlog files",
    "verify": "is the audit log what was signed, and whole: names the first row that is not as it was",
}
