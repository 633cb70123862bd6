# pggit_excellence - build, install and check with PGXS:
#
#   make && make install && make installcheck     [PG_CONFIG=/path/to/pg_config] [DESTDIR=/stage]
#
# The extension scripts are assembled from sql/ and plpython/ into $(ASSEMBLED) by
# tools/build/assemble.py, which needs a plain Python 3 and nothing else.

PG_CONFIG ?= pg_config
PY        ?= python3

# A checkout that cannot be written is built in a new directory under TMPDIR.
ASSEMBLED := $(shell test -w . && echo build || mktemp -d "$${TMPDIR:-/tmp}/pggit_excellence.XXXXXX")

SCRIPT_NAMES := $(shell $(PY) tools/build/assemble.py --list)
SOURCES := $(wildcard *.control sql/*/*.sql sql/releases/*.sql plpython/*.py) tools/build/assemble.py

EXTENSION  = pggit_excellence pggit_excellence_plpython3u
DATA_built := $(addprefix $(ASSEMBLED)/,$(SCRIPT_NAMES))
DATA       = $(wildcard sql/releases/*.sql)
DOCS       = docs/pggit_excellence.md

# Tests that need PL/Python run where the server's packages have it.
HAS_PLPYTHON := $(wildcard $(shell $(PG_CONFIG) --sharedir)/extension/plpython3u.control)
REGRESS_ALL  := $(sort $(basename $(notdir $(wildcard tests/regress/sql/*.sql))))
REGRESS       = $(if $(HAS_PLPYTHON),$(REGRESS_ALL),$(filter-out plpython%,$(REGRESS_ALL)))
REGRESS_OPTS  = --inputdir=tests/regress
ISOLATION     = $(sort $(basename $(notdir $(wildcard tests/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=tests/isolation

EXTRA_CLEAN = build META.json

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# One run of the assembler makes every script; the stamp keeps parallel makes apart.
$(DATA_built): $(ASSEMBLED)/.assembled ;
$(ASSEMBLED)/.assembled: $(SOURCES)
	$(PY) tools/build/assemble.py --output '$(ASSEMBLED)'
	@touch '$@'

META.json: META.json.in pggit_excellence.control tools/build/meta.py
	$(PY) tools/build/meta.py >$@.new && mv $@.new $@

# Developer targets: thin names for tools/run.
.PHONY: dist demo test matrix benchmark
dist demo test matrix benchmark:
	tools/run $@
