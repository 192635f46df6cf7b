# Everything is built under $(BUILD), and nothing outside of it.
# A fresh Debian needs make and git; each target installs what else it uses.

BUILD       ?= build
JOBS        ?= 4
SUITES      ?= bookworm trixie testing
MODULES_DIR ?= /usr/lib/nginx/modules
BIN_DIR     ?= /usr/bin
DESTDIR     ?=
KEEP        ?=

# what the tests need here; a root of the matrix gets its peer from outside
DEPS        ?= build peer test

# what make interop fetches; make clean keeps it, make distclean does not
CACHE       ?= t/.cache
INTEROP     ?= $(sort $(wildcard t/interop/*.t))

# those that wait for the clock begin first, beside all others
SLOW        := $(addprefix t/,watch_rows.t names.t status.t counters.t \
	jwks_file.t registry_many.t registry_pause.t keys_everywhere.t)
TESTS       ?= $(SLOW) $(filter-out $(SLOW),$(sort $(wildcard t/*.t)))

ifeq ($(origin CC),default)
CC          := gcc
endif

SO          := ngx_ohttp_relay_module.so
AGENT       := ohttp-relay-agent
PEER        := t/peers/ohttp-peer
ACCESS      := t/peers/access-peer
PROVE       := prove -j$(JOBS) -It/lib

export BUILD CC CACHE

# what t/ takes from its environment
export TEST_NGINX_BINARY ?= /usr/sbin/nginx
export TEST_NGINX_MODULE ?= $(abspath $(BUILD))/$(SO)
export TEST_OHTTP_AGENT  ?= $(abspath $(BUILD))/$(AGENT)
export TEST_OHTTP_PEER   ?= $(abspath $(BUILD))/ohttp-peer
export TEST_ACCESS_PEER  ?= $(abspath $(BUILD))/access-peer/access-peer.mjs
export TEST_INTEROP_CACHE ?= $(abspath $(CACHE))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help deps deps-build deps-check deps-bench deps-matrix deps-interop \
	build peer demo test unit unit-build check fuzz test-asan cover \
	interop matrix bench docker-check install clean distclean


help:           ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))

deps:           ## install the Debian packages that are missing
	@.ci/deps $(DEPS)

deps-build deps-check deps-bench deps-matrix deps-interop: deps-%:
	@.ci/deps $*

build: deps-build ## build the module for the distribution's nginx, and the agent
	@.ci/build release $(BUILD)

peer: $(BUILD)/ohttp-peer $(BUILD)/access-peer/access-peer.mjs

# dependencies as new as the compiler at hand can build, not newer
$(BUILD)/ohttp-peer: $(wildcard $(PEER)/Cargo.toml $(PEER)/src/*.rs)
	rm -rf $(BUILD)/peers/crate
	mkdir -p $(BUILD)/peers/crate
	cp -rp $(PEER)/Cargo.toml $(PEER)/src $(BUILD)/peers/crate
	CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback cargo build \
		--release --manifest-path $(BUILD)/peers/crate/Cargo.toml \
		--target-dir $(BUILD)/peers
	cp $(BUILD)/peers/release/ohttp-peer $@

$(BUILD)/access-peer/access-peer.mjs: $(wildcard $(ACCESS)/*.mjs) \
		$(BUILD)/access-peer/node_modules/.package-lock.json
	cp $(ACCESS)/*.mjs $(@D)

# what the lock file says, and nothing newer
$(BUILD)/access-peer/node_modules/.package-lock.json: \
		$(addprefix $(ACCESS)/,package.json package-lock.json .npmrc)
	mkdir -p $(BUILD)/access-peer
	cp $^ $(BUILD)/access-peer
	cd $(BUILD)/access-peer && npm ci --cache $(abspath $(BUILD))/peers/npm
	touch $@

demo: deps build peer ## show what each side sees; KEEP=1 keeps it running
	@KEEP=$(KEEP) t/demo

test: deps build unit-build peer ## run t/, or TESTS="t/door.t t/head.t"
	$(PROVE) $(TESTS)

unit: deps-build unit-build ## run the unit tests of the parsers alone
	$(PROVE) t/unit.t

check: deps-check build ## style, warnings of two compilers, cppcheck, symbols
	.ci/style
	CC=clang .ci/build release $(BUILD)/clang
	.ci/cppcheck
	.ci/symbols $(BUILD)/$(SO)

fuzz: deps-check ## run each fuzz target for FUZZ_SECONDS (60)

test-asan: export TEST_NGINX_BINARY = $(abspath $(BUILD))/asan/nginx
test-asan: export TEST_NGINX_MODULE = $(abspath $(BUILD))/asan/$(SO)
test-asan: export TEST_OHTTP_AGENT = $(abspath $(BUILD))/asan/$(AGENT)
test-asan: deps unit-build peer ## run t/ with address and undefined sanitizers
	@.ci/build asan $(BUILD)/asan
	$(PROVE) $(TESTS)

cover: export TEST_NGINX_MODULE = $(abspath $(BUILD))/cover/$(SO)
cover: export TEST_OHTTP_AGENT = $(abspath $(BUILD))/cover/$(AGENT)
cover: deps unit-build peer ## run t/ and print which lines were covered
	@.ci/build cover $(BUILD)/cover
	find $(BUILD)/cover -name '*.gcda' -delete
	$(PROVE) $(TESTS)
	.ci/coverage $(BUILD)/cover

interop: deps deps-interop build ## run t/interop: clients and gateways of others
	@.ci/interop $(PROVE) $(INTEROP)

matrix: deps deps-matrix peer ## build, load and test in a root of each of SUITES
	.ci/matrix $(SUITES)

bench: deps deps-bench build peer ## measure against plain proxy_pass
	t/bench/run

docker-check: deps-matrix ## carry out the Dockerfile in a clean root
	.ci/dockerfile-in-root Dockerfile

install: build  ## install into MODULES_DIR, and the agent into BIN_DIR
	install -D -m 644 $(BUILD)/$(SO) $(DESTDIR)$(MODULES_DIR)/$(SO)
	install -D -m 755 $(BUILD)/$(AGENT) $(DESTDIR)$(BIN_DIR)/$(AGENT)

clean:          ## remove all that was built
	rm -rf --one-file-system $(BUILD)

distclean: clean ## and what make interop has fetched
	rm -rf --one-file-system $(CACHE)

-include t/unit/unit.mk t/fuzz/fuzz.mk
