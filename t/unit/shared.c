
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


/* several processes with one ledger: who wins, and what a death leaves */


#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"


#define SIZE       (16 * 1024 * 1024)
#define NAMES      100000
#define PROCESSES  2
#define ROUND      250              /* names between two meetings */
#define DEATHS     40


typedef struct {
    ngx_ohttp_relay_ledger_t  ledger;
    int                       lock;
    uint64_t                  used;
    uint64_t                  won[PROCESSES];
    volatile uint64_t         done;
    volatile uint64_t         at[PROCESSES];
    u_char                    winners[NAMES];
    u_char                    memory[SIZE] __attribute__((aligned(64)));
} shared_t;


static void test_race(void);
static void test_deaths(void);
static void start(void);
static void race(unsigned process);
static void live(uint64_t first);
static int claim(uint64_t n);
static void *alloc(void *data, size_t size);
static void release(void *data, void *p);


static shared_t                  *shared;
static ngx_ohttp_relay_memory_t   memory;


int
main(void)
{
    shared = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                  MAP_ANON|MAP_SHARED, -1, 0);

    if (shared == MAP_FAILED) {
        printf("Bail out! no shared memory\n");
        return 2;
    }

    test_race();
    test_deaths();

    return tap_done();
}


static void
test_race(void)
{
    int       bad, status;
    pid_t     pid[PROCESSES];
    unsigned  i;

    start();

    for (i = 0; i < PROCESSES; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            race(i);
            _exit(0);
        }
    }

    for (bad = 0, i = 0; i < PROCESSES; i++) {
        bad |= waitpid(pid[i], &status, 0) != pid[i] || status != 0;
    }

    tap_ok(!bad, "%d processes claim the same %d names", PROCESSES, NAMES);
    tap_ok(shared->won[0] + shared->won[1] == NAMES,
           "%d and %d of them were granted", (int) shared->won[0],
           (int) shared->won[1]);

    for (bad = 0, i = 0; i < NAMES; i++) {
        bad |= shared->winners[i] != 1;
    }

    tap_ok(!bad, "each exactly once");
    tap_ok(shared->won[0] && shared->won[1], "and both at the same time");
}


/* what was granted before a process died is spent, and all goes on */

static void
test_deaths(void)
{
    int       bad, status;
    pid_t     pid;
    uint64_t  i, first, done;
    unsigned  death;

    start();

    bad = 0;
    done = 0;

    for (death = 0; death < DEATHS; death++) {
        first = (uint64_t) death << 32;
        shared->done = 0;

        pid = fork();

        if (pid == 0) {
            live(first);
        }

        while (shared->done < 50 + death * 7) {
            (void) sched_yield();
        }

        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);

        /* as the master does for a worker that held the lock */

        __atomic_store_n(&shared->lock, 0, __ATOMIC_SEQ_CST);

        for (i = 0; i < shared->done; i++) {
            bad |= claim(first + i) != NGX_OHTTP_RELAY_LEDGER_REFUSED;
        }

        done += shared->done;
        bad |= claim(first + (1 << 30)) != NGX_OHTTP_RELAY_LEDGER_GRANTED;
    }

    tap_ok(!bad, "after %d deaths all %d granted names are spent", DEATHS,
           (int) done);
}


static void
start(void)
{
    memset(shared, 0, offsetof(shared_t, memory));

    ngx_ohttp_relay_ledger_init(&shared->ledger, store_key, SIZE);

    memory.alloc = alloc;
    memory.free = release;
    memory.data = shared;
    memory.left = &shared->ledger.left;
}


static void
race(unsigned process)
{
    uint64_t  i;

    for (i = 0; i < NAMES; i++) {

        /* both go the same way, and nobody far ahead */

        if (i % ROUND == 0) {
            shared->at[process] = i + 1;

            while (shared->at[!process] < i + 1) {
                (void) sched_yield();
            }
        }

        if (claim(i) == NGX_OHTTP_RELAY_LEDGER_GRANTED) {
            shared->won[process]++;
            __atomic_add_fetch(&shared->winners[i], 1, __ATOMIC_SEQ_CST);
        }

    }
}


static __attribute__((noreturn)) void
live(uint64_t first)
{
    uint64_t  i;

    for (i = 0; i < 20000; i++) {

        if (claim(first + i) != NGX_OHTTP_RELAY_LEDGER_GRANTED) {
            break;
        }

        shared->done = i + 1;
    }

    for ( ;; ) {
        (void) pause();
    }
}


static int
claim(uint64_t n)
{
    int                              zero;
    uint64_t                         wait;
    ngx_ohttp_relay_ledger_ask_t     ask;
    ngx_ohttp_relay_ledger_answer_e  answer;

    ask = store_ask(NGX_OHTTP_RELAY_LEDGER_SPENT, 1, store_name(n));

    for ( ;; ) {
        zero = 0;

        if (__atomic_compare_exchange_n(&shared->lock, &zero, 1, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        {
            break;
        }

        (void) sched_yield();
    }

    answer = ngx_ohttp_relay_ledger_claim(&shared->ledger, &memory, &ask,
                                          NOW * MICRO, &wait);

    __atomic_store_n(&shared->lock, 0, __ATOMIC_SEQ_CST);

    return answer;
}


static void *
alloc(void *data, size_t size)
{
    void  *p;

    (void) data;

    size = (size + 63) / 64 * 64;

    if (size > SIZE - shared->used) {
        return NULL;
    }

    p = shared->memory + shared->used;
    memset(p, 0x5a, size);
    shared->used += size;

    return p;
}


static void
release(void *data, void *p)
{
    (void) data;
    (void) p;
}
