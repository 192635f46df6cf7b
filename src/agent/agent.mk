# The program ohttp-relay-agent, as .ci/build makes it beside the module in each
# flavour.  It knows no nginx: of the module it shares the parsers it uses.
#
# OUT is the folder of results; CC, CFLAGS and LDFLAGS are those of the flavour.

CODEC := base64url codec hex json json_string key_config pin
SRCS  := $(wildcard src/agent/*.c) $(CODEC:%=src/codec/%.c)
OBJS  := $(SRCS:src/%.c=$(OUT)/%.o)

$(OUT)/ohttp-relay-agent: $(OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ -ljansson -lcrypto

$(OUT)/%.o: src/%.c src/agent/agent.mk
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -iquote src/codec -MMD -MP -c -o $@ $<

-include $(OBJS:.o=.d)
