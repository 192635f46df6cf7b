# The unit tests of the parsers: one program for each t/unit/*.c, with all of
# src/codec under the address and undefined behaviour sanitizers.

UNIT_CFLAGS := -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Isrc/codec

UNIT_CODEC  := $(wildcard src/codec/*.c)
UNIT_DEPS   := $(UNIT_CODEC) $(wildcard src/codec/*.h) t/unit/tap.h
UNIT_TESTS  := $(patsubst t/unit/%.c,$(BUILD)/unit/%,$(wildcard t/unit/*.c))

.PHONY: unit-build

unit-build: $(UNIT_TESTS)

$(UNIT_TESTS): $(BUILD)/unit/%: t/unit/%.c $(UNIT_DEPS) t/unit/unit.mk
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -o $@ $< $(UNIT_CODEC)
