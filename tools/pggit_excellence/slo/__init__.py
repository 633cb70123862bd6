"""`pggit-excellence slo`: service level objectives from the command line, one module per command."""

COMMANDS = {
    "dashboard": "a Grafana dashboard, generated from the objectives",
    "maintain": "roll up samples and delete old ones, until nothing is left",
    "monitor": "is the server up: probe it from here, and keep the outcomes while it is away",
    "probe": "time pgGit's version queries and take a health sample",
    "rules": "rules and alerts for Prometheus, generated from the objectives",
}
