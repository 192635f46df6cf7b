
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/*
 * One bit of each byte of a document is turned, another one in each; with
 * TEST_NGINX_UNSAFE all of them, of two documents.  Each time certificates and
 * signature are verified, so all processors have a share.
 */


#include "enclave.h"

#include <sys/wait.h>
#include <unistd.h>


#define PROCESSES  16


static int test_share(evidence_t *file, int64_t time, long first, long step);
static void test_file(const char *name, int64_t time);


int
main(void)
{
    test_file(NITRO_FILE, NITRO_TIME);

    if (getenv("TEST_NGINX_UNSAFE")) {
        test_file("nitro/nitro-20250415T153857Z-f8fab7fa.cose", 1744731537);
    }

    return tap_done();
}


static void
test_file(const char *name, int64_t time)
{
    int         status, bad;
    long        i, n;
    pid_t       pids[PROCESSES];
    evidence_t  file;

    file = evidence_read(name);

    n = sysconf(_SC_NPROCESSORS_ONLN);
    n = n < 1 ? 1 : n > PROCESSES ? PROCESSES : n;

    fflush(stdout);

    for (i = 0; i < n; i++) {

        pids[i] = fork();

        if (pids[i] == 0) {
            _exit(test_share(&file, time, i, n));
        }
    }

    for (bad = 0, i = 0; i < n; i++) {
        if (pids[i] == -1 || waitpid(pids[i], &status, 0) == -1
            || status != 0)
        {
            bad = 1;
        }
    }

    tap_ok(!bad, "%s of %s turned is refused",
           getenv("TEST_NGINX_UNSAFE") ? "each bit" : "a bit of each byte",
           name);
    tap_free(file.data, file.len);
}


/* returns 0 if none of this share was accepted */

static int
test_share(evidence_t *file, int64_t time, long first, long step)
{
    int                              bad, all;
    long                             i;
    ngx_ohttp_relay_finding_t        finding;
    ngx_ohttp_relay_nitro_policy_t   policy;

    policy = nitro_policy(time);
    all = getenv("TEST_NGINX_UNSAFE") != NULL;

    bad = nitro_judge(file->data, file->len, &policy, &finding) != ACCEPTED;

    for (i = 0; i < (long) file->len * 8; i++) {

        if (i / 8 % step != first || (!all && i % 8 != i / 8 % 8)) {
            continue;
        }

        file->data[i / 8] ^= 1 << i % 8;

        bad |= nitro_judge(file->data, file->len, &policy, &finding)
               == ACCEPTED;

        file->data[i / 8] ^= 1 << i % 8;
    }

    X509_free(policy.root);

    return bad;
}
