"""Control files and script names, read as PostgreSQL reads them."""
