"""The command line and the tools of pggit_excellence."""
