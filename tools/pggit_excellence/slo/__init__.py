"""`pggit-excellence slo`: service level objectives from the command line, one module per command."""

COMMANDS = {
    "status": "is every objective met, how much of its budget is left, does an alert fire",
    "report": "what was promised and what was kept in a month, a quarter or any period",
    "monitor": "is the server up: probe it from here, and keep the outcomes while it is away",
    "probe": "time pgGit's version queries and take a health sample",
    "maintain": "roll up samples and delete old ones, until nothing is left",
    "export": "the objectives as OpenSLO documents",
    "import": "take objectives from OpenSLO documents; a dry run unless --apply",
    "rules": "rules and alerts for Prometheus, generated from the objectives",
    "dashboard": "a Grafana dashboard, generated from the objectives",
}
