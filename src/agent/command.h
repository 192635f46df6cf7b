
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_COMMAND_H_INCLUDED_
#define _NGX_OHTTP_RELAY_COMMAND_H_INCLUDED_


/* the commands of ohttp-relay-agent, and what they share */


#include "finding.h"


/* an exit code beside those of findings; these two are the same on purpose */
#define NGX_OHTTP_RELAY_USAGE  NGX_OHTTP_RELAY_UNJUDGED


/*
 * Each takes the arguments from its own name on and returns the exit code.
 * What is asked for goes to the standard output, complaints about arguments
 * and files to the standard error.
 */
int ngx_ohttp_relay_command_verify(int argc, char **argv);
int ngx_ohttp_relay_command_dump(int argc, char **argv);
int ngx_ohttp_relay_command_keyconfig(int argc, char **argv);

/*
 * Reads a file, "-" for the standard input, of at most max bytes.  The content
 * is to be freed with free().
 *
 * Returns NGX_OHTTP_RELAY_ACCEPTED; NGX_OHTTP_RELAY_MALFORMED with a reason if
 * it is longer; NGX_OHTTP_RELAY_UNJUDGED if it cannot be read, with a reason
 * after a line on the standard error.
 */
ngx_ohttp_relay_answer_e ngx_ohttp_relay_command_read(const char *name,
    size_t max, ngx_ohttp_relay_slice_t *content,
    ngx_ohttp_relay_finding_t *finding);

/* Prints a format for people on the standard error; returns the exit code. */
int ngx_ohttp_relay_command_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Returns the word for an answer. */
const char *ngx_ohttp_relay_command_answer(ngx_ohttp_relay_answer_e answer);

/* Prints "answer: reason", one line; returns the exit code. */
int ngx_ohttp_relay_command_finding(const ngx_ohttp_relay_finding_t *finding);

/*
 * Writes hexadecimal digits and a final NUL into out, which must have room for
 * 2 * len + 1 characters; returns out.
 */
char *ngx_ohttp_relay_command_hex(const u_char *p, size_t len, char *out);


#endif /* _NGX_OHTTP_RELAY_COMMAND_H_INCLUDED_ */
