# pggit_excellence - build, install and check with PGXS:
#
#   make && make install && make installcheck     [PG_CONFIG=/path/to/pg_config] [DESTDIR=/stage]
#
# The extension scripts are assembled from sql/ and plpython/ into $(ASSEMBLED) by
# tools/build/assemble.py, which needs a plain Python 3 and nothing else. The PGXN zip brings
# them assembled: installing from it needs no Python.

PG_CONFIG ?= pg_config
PY        ?= python3

.DEFAULT_GOAL := all

# What the extension scripts are made of.
SOURCES := $(sort $(wildcard *.control sql/*/*.sql plpython/*.py plpython/*.sql)) tools/build/assemble.py

# Developer targets: thin names for tools/run, which brings what they need.
DEVELOPER = dist demo test matrix benchmark
.PHONY: $(DEVELOPER)
$(DEVELOPER):
	tools/run $@

META.json: META.json.in pggit_excellence.control tools/build/meta.py
	$(PY) tools/build/meta.py >$@.new && mv $@.new $@

.PHONY: print-sources
print-sources:
	@echo '$(SOURCES)'

# Everything else needs PostgreSQL's build files.
ifneq ($(filter-out $(DEVELOPER) META.json print-sources,$(or $(MAKECMDGOALS),all)),)

# A checkout that cannot be written is built in a new directory under TMPDIR.
ifneq ($(filter-out uninstall clean,$(or $(MAKECMDGOALS),all)),)
READ_ONLY := $(shell test -w . || echo yes)
endif
ASSEMBLED := $(if $(READ_ONLY),$(shell mktemp -d "$${TMPDIR:-/tmp}/pggit_excellence.XXXXXX"),build)

# The scripts of the version in the control file: the installation, and an update from each older one.
VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" pggit_excellence.control)
STEPS   := $(VERSION) $(patsubst sql/updates/%.sql,%,$(wildcard sql/updates/*--$(VERSION).sql))

EXTENSION  = pggit_excellence pggit_excellence_plpython3u
DATA_built := $(foreach step,$(STEPS),$(addsuffix --$(step).sql,$(addprefix $(ASSEMBLED)/,$(EXTENSION))))
DATA       = $(wildcard sql/releases/*.sql)
DOCS       = docs/pggit_excellence.md

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(PGXS),)
$(error $(PG_CONFIG) does not run; name PostgreSQL's own: make PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config)
endif
ifneq ($(shell test -f '$(PGXS)' && echo found),found)
$(error $(PG_CONFIG) names $(PGXS), which is missing; install the server's development files or name another PG_CONFIG)
endif

# Tests that need PL/Python run where the server's packages have it.
HAS_PLPYTHON := $(shell test -f "`$(PG_CONFIG) --sharedir`/extension/plpython3u.control" && echo yes)
REGRESS_ALL  := $(sort $(basename $(notdir $(wildcard tests/regress/sql/*.sql))))
REGRESS       = $(if $(HAS_PLPYTHON),$(REGRESS_ALL),$(filter-out plpython%,$(REGRESS_ALL)))
REGRESS_OPTS  = --inputdir=tests/regress $(if $(READ_ONLY),--outputdir=$(ASSEMBLED))
# From 16 on the expected files are no longer looked for beside the inputs.
ISOLATION      = $(sort $(basename $(notdir $(wildcard tests/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=tests/isolation $(if $(filter-out 14 15,$(MAJORVERSION)),--expecteddir=tests/isolation) \
                 $(if $(READ_ONLY),--outputdir=$(ASSEMBLED)/output_iso)

EXTRA_CLEAN = build META.json

include $(PGXS)

# One run of the assembler makes every script. The stamp keeps parallel makes apart, and holds the names of
# the sources, so that one that was removed or added counts as a change.
STAMP   := $(ASSEMBLED)/.assembled
KNOWN   := $(shell cat '$(STAMP)' 2>/dev/null)
CHANGED := $(filter-out $(KNOWN),$(SOURCES)) $(filter-out $(SOURCES),$(KNOWN))

.PHONY: FORCE
FORCE:
$(DATA_built): $(STAMP) ;
$(STAMP): $(SOURCES) $(if $(strip $(CHANGED)),FORCE)
	@command -v $(PY) >/dev/null || { echo 'make: $(PY) is missing; name a Python 3: make PY=/path/to/python3' >&2; exit 1; }
	$(PY) tools/build/assemble.py --output '$(ASSEMBLED)'
	@echo '$(SOURCES)' >'$@'

# PGXS removes DOCS under their names here and not under those that it installed.
.PHONY: uninstall-docs
uninstall: uninstall-docs
uninstall-docs:
	rm -f $(foreach doc,$(notdir $(DOCS)),'$(DESTDIR)$(docdir)/$(docmoduledir)/$(doc)')

ifneq ($(READ_ONLY),)
# pg_regress up to 15 looks for expected files in the output directory.
installcheck: $(ASSEMBLED)/expected
$(ASSEMBLED)/expected:
	@ln -s '$(CURDIR)/expected' '$@'
endif

endif
