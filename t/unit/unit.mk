# The unit tests of the parsers and of what else is pure: one program for each
# t/unit/*.c, with all of src/codec and the pure part of src/store under the
# address and undefined behaviour sanitizers, and with what is listed here for
# this test: sources that know no nginx, and libraries.

# what src/codec needs
UNIT_LIBS := -ljansson -lcrypto

UNIT_SRCS_jwks := src/access/hmac.c src/access/jwks.c

UNIT_SRCS_jwt  := $(UNIT_SRCS_jwks) src/access/jwt_claims.c \
	src/access/jwt_verify.c
UNIT_LIBS_jwt  := -ljwt

UNIT_SRCS_jwt_claims := $(UNIT_SRCS_jwt)
UNIT_LIBS_jwt_claims := $(UNIT_LIBS_jwt)

UNIT_SRCS_redis_reply := src/store/redis_reply.c
UNIT_LIBS_redis_reply := -lhiredis

# what the agent knows, without what makes it a program
UNIT_AGENT := $(filter-out src/agent/main.c src/agent/command_%, \
	$(wildcard src/agent/*.c))

$(foreach name,binding cbor event_log keccak near nitro nitro_flips \
	nitro_forms pck secure_enclave snp tdx tdx_forms, \
	$(eval UNIT_SRCS_$(name) := $(UNIT_AGENT)) \
	$(eval UNIT_LIBS_$(name) := -ljansson -lcrypto))

UNIT_CFLAGS := -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -iquote src/codec \
	-iquote src/access -iquote src/agent -iquote src/store

UNIT_SRCS   := $(wildcard src/codec/*.c) \
	$(addprefix src/store/,gcra.c ledger.c rates.c state.c table.c)
UNIT_HDRS   := $(wildcard src/codec/*.h src/access/*.h src/agent/*.h \
	src/store/*.h t/unit/*.h)
UNIT_TESTS  := $(patsubst t/unit/%.c,$(BUILD)/unit/%,$(wildcard t/unit/*.c))

# each source is compiled once, for all the tests it is part of
unit_objs    = $(patsubst src/%.c,$(BUILD)/unit/obj/%.o,$(UNIT_SRCS) \
	$(UNIT_SRCS_$1))

.PHONY: unit-build

unit-build: $(UNIT_TESTS)

$(BUILD)/unit/obj/%.o: src/%.c $(UNIT_HDRS) t/unit/unit.mk
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -c -o $@ $<

.SECONDEXPANSION:

$(UNIT_TESTS): $(BUILD)/unit/%: t/unit/%.c $$(call unit_objs,$$*) $(UNIT_HDRS) \
		t/unit/unit.mk
	$(CC) $(UNIT_CFLAGS) -o $@ $< $(call unit_objs,$*) $(UNIT_LIBS_$*) \
		$(UNIT_LIBS)
