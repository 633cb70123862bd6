"""Objectives as OpenSLO v1 documents (https://openslo.com), out and in.

objective.py is an objective as the server keeps it, windows.py its time window in OpenSLO's shorthand, writing.py makes
documents, loading.py reads YAML that may be hostile, reading.py makes objectives of documents or says why not.
"""

API_VERSION = "openslo/v1"
SOURCE_TYPE = "pggit_excellence"
SOURCE_NAME = "pggit-excellence"
SERVICE_NAME = "pggit"
OPERATORS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
LONGEST_DESCRIPTION = 1050
