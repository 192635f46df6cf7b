# The fuzz targets of the parsers: one for each t/fuzz/*.c.  Each runs for
# FUZZ_SECONDS on a copy of its seeds; what it finds stays in $(BUILD)/fuzz.

# what src/codec needs
FUZZ_LIBS := -ljansson -lcrypto

# sources and libraries of a target, besides all of src/codec
FUZZ_SRCS_jwks := src/access/hmac.c src/access/jwks.c

FUZZ_SRCS_jwt  := $(FUZZ_SRCS_jwks) src/access/jwt_claims.c \
	src/access/jwt_verify.c
FUZZ_LIBS_jwt  := -ljwt

FUZZ_SRCS_redis_reply := src/store/redis_reply.c
FUZZ_LIBS_redis_reply := -lhiredis

# what the agent knows, without what makes it a program
FUZZ_AGENT   := $(filter-out src/agent/main.c src/agent/command_%, \
	$(wildcard src/agent/*.c))

$(foreach name,cbor cose event_log keys near nitro pck pem quote secure_enclave snp, \
	$(eval FUZZ_SRCS_$(name) := $(FUZZ_AGENT)) \
	$(eval FUZZ_LIBS_$(name) := -ljansson -lcrypto))

FUZZ_CC      ?= clang
FUZZ_SECONDS ?= 60

FUZZ_CFLAGS  := -g -O1 -Wall -Wextra -Werror \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -iquote src/codec -iquote src/access \
	-iquote src/agent -iquote src/store

FUZZ_CODEC   := $(wildcard src/codec/*.c)
FUZZ_STORE   := $(addprefix src/store/,gcra.c ledger.c rates.c state.c table.c)
FUZZ_DEPS    := $(FUZZ_CODEC) $(FUZZ_STORE) $(FUZZ_SRCS_jwt) \
	$(FUZZ_SRCS_redis_reply) $(wildcard src/codec/*.h src/access/*.h) \
	$(wildcard src/store/*.h) $(FUZZ_AGENT) $(wildcard src/agent/*.h) \
	t/fuzz/fuzz.h
FUZZ_NAMES   := $(patsubst t/fuzz/%.c,%,$(wildcard t/fuzz/*.c))
FUZZ_TARGETS := $(addprefix $(BUILD)/fuzz/,$(FUZZ_NAMES))

.PHONY: fuzz

fuzz: $(FUZZ_TARGETS)
	@set -e; for name in $(FUZZ_NAMES); do \
		target=$(BUILD)/fuzz/$$name; \
		corpus=$(BUILD)/fuzz/corpus/$$name; \
		mkdir -p $$corpus; \
		cp t/fuzz/corpus/$$name/* $$corpus; \
		$$target -max_total_time=$(FUZZ_SECONDS) -max_len=12288 \
			-dict=t/fuzz/http.dict -print_final_stats=1 \
			-artifact_prefix=$$target- $$corpus \
			> $$target.log 2>&1 || { cat $$target.log; exit 1; }; \
		echo "$$name: $$(sed -n 's/^stat::number_of_executed_units: *//p' \
			$$target.log) inputs, no failure"; \
	done

$(FUZZ_TARGETS): $(BUILD)/fuzz/%: t/fuzz/%.c $(FUZZ_DEPS) t/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -o $@ $< $(FUZZ_CODEC) $(FUZZ_STORE) \
		$(FUZZ_SRCS_$*) $(FUZZ_LIBS_$*) $(FUZZ_LIBS)
