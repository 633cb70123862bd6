"""`pggit-excellence sbom`: what a PostgreSQL project, installation or server consists of, as CycloneDX.

control/ reads control files and script names as the server does; scripts/ reads SQL; sources/ puts what both find, and
what dpkg, Python and a live server say, into an Inventory (model.py); resolve.py turns needs into dependencies; bom.py,
cbom.py and xml_form.py make documents of it, which documents.py validates and writes.
"""

from pggit_excellence.sbom.command import add_arguments, run

__all__ = ["add_arguments", "run"]
