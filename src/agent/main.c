
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "command.h"

#include <stdio.h>


typedef struct {
    const char  *name;
    int        (*run)(int argc, char **argv);
} ngx_ohttp_relay_command_t;


static const ngx_ohttp_relay_command_t  ngx_ohttp_relay_commands[] = {
    { "verify", ngx_ohttp_relay_command_verify },
    { "dump", ngx_ohttp_relay_command_dump },
    { "keyconfig", ngx_ohttp_relay_command_keyconfig },
    { NULL, NULL }
};


static const char  ngx_ohttp_relay_help[] =
    "usage: ohttp-relay-agent verify --kind KIND --at UNIX [--root FILE]\n"
    "                         [OPTION...] FILE\n"
    "       ohttp-relay-agent dump FILE\n"
    "       ohttp-relay-agent keyconfig [--list] FILE\n"
    "\n"
    "verify     judges a piece of evidence at a time, in seconds\n"
    "  --kind KIND          aws-nitro, tdx, sev-snp, pinned, secure-enclave\n"
    "  --root FILE          the root certificate, PEM or DER: the only anchor\n"
    "  --any-measurement    what is measured does not matter\n"
    "  --allow-debug        it may be of a debug enclave\n"
    "  --nonce HEX          the nonce that it must have\n"
    "  --max-age SECONDS    how old it may be, and how long it is good (600)\n"
    "  --skew SECONDS       how far ahead its clock may be (60)\n"
    "  --json               an object instead of a line\n"
    "  --bind SCHEME        nitriding, opengradient, near\n"
    "  --tls FILE           the certificate that the gateway shows\n"
    "  --keys FILE          of opengradient: its /signing-key\n"
    "  of aws-nitro:\n"
    "  --pcr N=HEX          the value of PCR N; of several, one has to match\n"
    "  of tdx:\n"
    "  --collateral FILE    what Intel publishes, a bundle of JSON\n"
    "  --tcb STATUS         a status that is allowed too (UpToDate)\n"
    "  --min-tcb-evaluation N\n"
    "  --report-data HEX    the 64 bytes that it must have\n"
    "  --mrtd, --mr-config-id, --mr-owner, --mr-owner-config HEX\n"
    "  --rtmr N=HEX         values, of which one has to match for each\n"
    "  --event-log FILE     the log of dstack, to be replayed\n"
    "  --event NAME=HEX     compose-hash, os-image-hash, app-id, key-provider\n"
    "  of sev-snp:\n"
    "  --collateral FILE    VCEK and ASK, PEM; the root is the ARK\n"
    "  --report-data HEX    as above\n"
    "  --measurement, --id-key-digest, --author-key-digest, --host-data HEX\n"
    "  --min-tcb HEX        the least of each of the 8 bytes of the TCB\n"
    "  of pinned, whose FILE is the keys and which has no root:\n"
    "  --key-sha256 HEX     the hash of their list, as keyconfig prints it\n"
    "  --pin PIN            cert-sha256:HEX or spki-sha256:HEX, for --tls\n"
    "  --not-after UNIX     when the pins end\n"
    "  of secure-enclave, which has no root and proves nothing:\n"
    "  --key-sha256 HEX     the hash of the key that it had before\n"
    "  --node TEXT          its node_endpoint_id\n"
    "  --inference-key TEXT\n"
    "dump       prints what stands in a piece of evidence, without judging it\n"
    "keyconfig  prints the key configurations of a gateway; with --list, as\n"
    "           application/ohttp-keys, whatever form they have\n"
    "\n"
    "FILE is - for the standard input.  Exit codes: 0 accepted, 1 refused,\n"
    "2 malformed, 3 wrong arguments, or a file that cannot be read.\n";


int
main(int argc, char **argv)
{
    const ngx_ohttp_relay_command_t  *command;

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        fputs(ngx_ohttp_relay_help, argc < 2 ? stderr : stdout);
        return argc < 2 ? NGX_OHTTP_RELAY_USAGE : 0;
    }

    for (command = ngx_ohttp_relay_commands; command->name; command++) {
        if (strcmp(command->name, argv[1]) == 0) {
            return command->run(argc - 1, argv + 1);
        }
    }

    return ngx_ohttp_relay_command_usage("no such command: \"%s\"", argv[1]);
}
