/* call-rows: how many calls a second PostgreSQL can record when nothing else is in the way.
 *
 * The floor of bench-signaling. One connection of libpq writes the rows of calls as the product has to: a call and its two
 * participants when it is placed, answered, and over. Groups of calls share a transaction, each transaction is one
 * exchange (BEGIN, statements, COMMIT), and the next one waits for its answer. Every statement must touch one row.
 *
 *     call-rows SECONDS CONNINFO
 *
 * The tables are made in a schema of their own, which is dropped at the end. Prints one JSON object: `calls_per_second`,
 * `client_us` (processor time of this program a call, in microseconds), `calls`.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

enum { CALLS_IN_GROUP = 64, PEOPLE = 2 };

typedef struct { unsigned char bytes[16]; } Id;
typedef struct { Id id, people[PEOPLE]; } Call;

/* The statements of a call's life; all parameters are ids. */
static const struct { const char *name, *text; } statements[] = {
    {"place", "INSERT INTO calls (id, conversation_id, initiator_id, status, started_at) VALUES ($1, $2, $3, 1, now())"},
    {"ring", "INSERT INTO participants (call_id, user_id, status) VALUES ($1, $2, 1)"},
    {"answer", "UPDATE calls SET status = 2, answered_at = now() WHERE id = $1"},
    {"join", "UPDATE participants SET status = 2, joined_at = now() WHERE call_id = $1 AND user_id = $2"},
    {"end", "UPDATE calls SET status = 3, ended_at = now(), end_reason = 1 WHERE id = $1"},
    {"leave", "UPDATE participants SET status = 3, left_at = now() WHERE call_id = $1 AND user_id = $2"},
};

static const char *const tables =
    "DROP SCHEMA IF EXISTS call_rows_floor CASCADE; CREATE SCHEMA call_rows_floor; SET search_path = call_rows_floor;"
    "CREATE TABLE calls (id uuid PRIMARY KEY, conversation_id uuid NOT NULL, initiator_id uuid NOT NULL,"
    " status smallint NOT NULL, end_reason smallint, started_at timestamptz NOT NULL, answered_at timestamptz,"
    " ended_at timestamptz);"
    "CREATE INDEX ON calls (conversation_id);"
    "CREATE TABLE participants (call_id uuid NOT NULL REFERENCES calls, user_id uuid NOT NULL, status smallint NOT NULL,"
    " joined_at timestamptz, left_at timestamptz, PRIMARY KEY (call_id, user_id))";

static PGconn *connection;
/* Rows that the statements under way have yet to touch. */
static int expected;

static void fail(const char *what) {
    fprintf(stderr, "call-rows: %s: %s\n", what, PQerrorMessage(connection));
    exit(1);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

/* Ids are ordered by time (RFC 9562 section 5.7), as the product's are: their index grows at one end. */
static Id new_id(void) {
    struct timespec now;
    Id id;
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned long long milliseconds = now.tv_sec * 1000ull + now.tv_nsec / 1000000;
    for (int i = 0; i < 6; i++) id.bytes[i] = milliseconds >> (40 - 8 * i);
    for (int i = 6; i < 16; i++) id.bytes[i] = random() >> 8;
    id.bytes[6] = (id.bytes[6] & 0x0f) | 0x70;
    id.bytes[8] = (id.bytes[8] & 0x3f) | 0x80;
    return id;
}

static void send_named(const char *name, int count, const Id *first, const Id *second, const Id *third) {
    const char *values[] = {(const char *)first, (const char *)second, (const char *)third};
    const int lengths[] = {16, 16, 16}, formats[] = {1, 1, 1};
    if (!PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1)) fail(name);
}

static void send_row(const char *name, int count, const Id *first, const Id *second, const Id *third) {
    send_named(name, count, first, second, third);
    expected++;
}

/* Steps: 0 places the calls, 1 answers them, 2 ends them. */
static void send_step(int step, Call *calls) {
    send_named("begin", 0, NULL, NULL, NULL);
    for (Call *call = calls; call < calls + CALLS_IN_GROUP; call++) {
        if (step == 0) {
            Id conversation = new_id();
            call->id = new_id();
            for (int i = 0; i < PEOPLE; i++) call->people[i] = new_id();
            send_row("place", 3, &call->id, &conversation, &call->people[0]);
            for (int i = 0; i < PEOPLE; i++) send_row("ring", 2, &call->id, &call->people[i], NULL);
        } else if (step == 1) {
            send_row("answer", 1, &call->id, NULL, NULL);
            send_row("join", 2, &call->id, &call->people[1], NULL);
        } else {
            send_row("end", 1, &call->id, NULL, NULL);
            for (int i = 0; i < PEOPLE; i++) send_row("leave", 2, &call->id, &call->people[i], NULL);
        }
    }
    send_named("commit", 0, NULL, NULL, NULL);
    if (!PQpipelineSync(connection)) fail("sync");
}

static void await_step(void) {
    for (;;) {
        PGresult *result = PQgetResult(connection);
        /* The end of one statement's results. */
        if (!result) continue;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            break;
        }
        if (status != PGRES_COMMAND_OK) fail("statement");
        if (!strcmp(PQcmdTuples(result), "1")) expected--;
        PQclear(result);
    }
    if (expected) fail("a statement touched no row");
}

static void run(const char *text) {
    PGresult *result = PQexec(connection, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(text);
    PQclear(result);
}

static void prepare(const char *name, const char *text) {
    PGresult *result = PQprepare(connection, name, text, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(name);
    PQclear(result);
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

int main(int count, char **arguments) {
    static Call calls[CALLS_IN_GROUP];
    double seconds = count == 3 ? atof(arguments[1]) : 0;
    if (seconds <= 0) {
        fprintf(stderr, "usage: call-rows SECONDS CONNINFO\n");
        return 64;
    }
    connection = PQconnectdb(arguments[2]);
    if (PQstatus(connection) != CONNECTION_OK) fail("connect");
    srandom(time(NULL));
    run("SET client_min_messages = warning");
    run(tables);
    prepare("begin", "BEGIN");
    prepare("commit", "COMMIT");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) prepare(statements[i].name, statements[i].text);
    if (!PQenterPipelineMode(connection)) fail("pipeline");

    double start = seconds_now(), processor = processor_seconds();
    long done = 0;
    while (seconds_now() < start + seconds) {
        for (int step = 0; step < 3; step++) {
            send_step(step, calls);
            await_step();
        }
        done += CALLS_IN_GROUP;
    }
    double wall = seconds_now() - start;
    processor = processor_seconds() - processor;
    if (!PQexitPipelineMode(connection)) fail("pipeline");
    run("DROP SCHEMA call_rows_floor CASCADE");
    PQfinish(connection);
    printf("{\"calls_per_second\": %.1f, \"client_us\": %.2f, \"calls\": %ld}\n", done / wall, processor * 1e6 / done, done);
    return 0;
}
