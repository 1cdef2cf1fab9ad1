#include "common/setting/setting.h"

#include <assert.h>

// Short names for the masks and the field, so that a row reads as a row.
#define R      FOR_RUN
#define V      FOR_VENTILATOR
#define W      FOR_WORKER
#define S      FOR_SINK
#define SELECT (FOR_RESULTS | FOR_LIST | FOR_LOGS)
#define STEER  (FOR_PAUSE | FOR_RESUME | FOR_CANCEL)
#define TELL   (FOR_SHOW | FOR_WAIT | FOR_EXPLAIN | FOR_HOSTS | FOR_EVENTS)
#define LOOK                                                              \
    (FOR_STATUS | FOR_TOP | FOR_VERIFY | SELECT | FOR_HELD | FOR_DECIDE | \
     FOR_REPORT | FOR_PAGE | STEER | TELL | FOR_ADD)
#define P       IN_PLAN
#define D       IN_DEFINITION
#define OWN     (IN_PLAN | HIDDEN | NO_FLAG)
#define AT(f)   offsetof(struct settings, f)
#define ANY     UINT64_MAX
#define MUCH    (UINT64_C(1) << 60)
#define DAY_MS  UINT64_C(86400000)
#define YEAR_MS (366 * DAY_MS)
/* Two such outputs, each byte of them six in JSON, fit into a member of the log
 * beside the group they came in; more could never be stored. */
#define OUTPUT_MOST (UINT64_C(72) << 20)

#define INPUT    "Input"
#define FAILURES "Failures"
#define OUTPUT   "Output"
#define RUNNING  "Running"
#define TAKES    "Resources"
#define THE_RUN  "The run"
#define PLACES   "Places"
#define LIMITS   "Intervals and budgets"
#define LOOKING  "Looking"
#define DECISION "Decision"
#define IDENTITY "Identity"

// clang-format off
const struct setting_row SETTING_TABLE[] = {
    {"command", 0, SETTING_LIST, R | V | OWN, AT(command), 0, 0, NULL,
     INPUT, "WORD", "the command and its arguments; on the command line after --"},
    {"sources", 0, SETTING_LIST, R | V | FOR_ADD | OWN, AT(sources), 0, 0, NULL,
     INPUT, "WORD", "values as typed: :::, :::+, ::::, ::::+ with what follows them"},
    {"arg-file", 'a', SETTING_TEXT, R | V | FOR_ADD | P, AT(arg_file), 0, 0, NULL,
     INPUT, "FILE", "a task per line of FILE; - is standard input"},
    {"null", '0', SETTING_BOOL, R | V | P, AT(null_separated), 0, 0, NULL,
     INPUT, NULL, "tasks end with NUL, not with newline"},
    {"header", 0, SETTING_BOOL, R | V | P, AT(header), 0, 0, NULL,
     INPUT, NULL, "the first line names the columns"},
    {"colsep", 0, SETTING_TEXT, R | V | P, AT(colsep), 0, 0, NULL,
     INPUT, "TEXT", "split lines into columns at TEXT; \\t is TAB (default: lines are not split)"},
    {"array", 0, SETTING_TEXT, R | V | P, AT(array), 0, 0, NULL,
     INPUT, "A-B[:S]", "numbers from A to B in steps of S, as in Slurm"},
    {"ndjson", 0, SETTING_TEXT, R | V | FOR_ADD | P, AT(ndjson), 0, 0, NULL,
     INPUT, "FILE", "a JSON object per line of FILE; - is standard input"},
    {"sweep", 0, SETTING_LIST, R | V | P | NAMED, AT(sweep), 0, 0, NULL,
     INPUT, "NAME=VALUES", "a parameter: FIRST:LAST[:STEP], a,b,c or random(N[,LOW,HIGH]); +NAME pairs it with the one before"},
    {"where", 0, SETTING_LIST, R | V | P, AT(where), 0, 0, NULL,
     INPUT, "CONDITION", "only combinations of a sweep for which it holds, such as 'a*b <= 16'"},
    {"repeat", 0, SETTING_COUNT, R | V | P, AT(repeat), 1, (uint64_t)1 << 40, NULL,
     INPUT, "N", "N tasks of each combination of a sweep, told apart as {repeat}"},
    {"blank", 0, SETTING_BOOL, R | V | P, AT(blank), 0, 0, NULL,
     INPUT, NULL, "keep blank lines as tasks (default: they are skipped)"},
    {"open", 0, SETTING_BOOL, R | P, AT(open), 0, 0, NULL,
     INPUT, NULL, "leave the input open: more tasks come by fan add, until fan add --close"},
    {"close", 0, SETTING_BOOL, FOR_ADD | NO_ENVIRONMENT, AT(close), 0, 0, NULL,
     INPUT, NULL, "the input ends: the run ends when its tasks are done"},
    {"shell", 0, SETTING_BOOL, R | V | P, AT(shell), 0, 0, NULL,
     INPUT, NULL, "run the command through /bin/sh -c"},
    {"plugin", 0, SETTING_TEXT, R | V | W | P | D, AT(plugin), 1, 4095, NULL,
     INPUT, "PATH[:FUNCTION]", "call a C function (default fan_run) of a library: see fan.h"},
    {"isolate", 0, SETTING_BOOL, R | V | W | P | D, AT(isolate), 0, 0, NULL,
     INPUT, NULL, "run the plugin in a process per slot, so that a crash costs one task"},
    {"coprocess", 0, SETTING_TEXT, R | V | P | D, AT(coprocess), 1, 4095, NULL,
     INPUT, "COMMAND", "give tasks to a process per slot that stays, such as 'python3 model.py'"},
    {"framing", 0, SETTING_CHOICE, R | V | P | D, AT(framing), 0, 0, "greeted|lines",
     INPUT, "FRAMING", "of the coprocess: as it says itself, or lines for a plain filter (default greeted)"},
    {"recycle", 0, SETTING_TEXT, R | V | P | D, AT(recycle), 1, 64, NULL,
     INPUT, "N,SIZE", "start a slot's process anew after N tasks, or above SIZE of memory (default never)"},
    {"stdin", 0, SETTING_BOOL, R | V | P | D, AT(stdin_payload), 0, 0, NULL,
     INPUT, NULL, "give each task its value or object on its standard input"},
    {"seed", 0, SETTING_COUNT, R | V | P | D | NO_ENVIRONMENT, AT(seed), 0, ANY - 1, NULL,
     INPUT, "N", "the seed of the run, from which {seed} is made (default: drawn)"},

    {"retries", 0, SETTING_COUNT, R | V | P, AT(retries), 0, ANY, NULL,
     FAILURES, "N", "extra tries of a task that failed (default 0)"},
    {"backoff", 0, SETTING_BACKOFF, R | V | P, AT(backoff_min_ms), 0, YEAR_MS, NULL,
     FAILURES, "MIN..MAX", "wait before a retry; doubles each time (default 1s..5m)"},
    {"timeout", 0, SETTING_DURATION, R | V | P | D, AT(timeout_ms), 1, ANY, NULL,
     FAILURES, "DURATION", "longest time of one attempt (default unlimited)"},
    {"grace", 0, SETTING_DURATION, R | V | W | P | D, AT(grace_ms), 0, YEAR_MS, NULL,
     FAILURES, "DURATION", "from asking a task to end to killing it (default 20s)"},
    {"on-fail", 0, SETTING_ANSWER, R | V | P, AT(on_fail), 0, 0, "fail|retry|ignore|hold|notify",
     FAILURES, "ANSWER", "when retries are spent: fail, ignore, or hold for a person to decide; retry is fail; notify too, and tells of each attempt (default fail)"},
    {"on", 0, SETTING_RULES, R | V | P, AT(on), 0, 0, NULL,
     FAILURES, "CLASS=ANSWER", "of exit[:CODE], signal[:NAME], timeout, oom, spawn or output: retry:N[,backoff:MIN..MAX][,timeout:xK][,mem:xK][,host:other], fail, ignore or hold, instead of --retries; or notify"},
    {"held", 0, SETTING_CHOICE, R | V | P, AT(held), 0, 0, "end|wait",
     FAILURES, "WHAT", "when only held tasks are left: end, with exit code 4, or wait for decisions (default end)"},
    {"halt", 0, SETTING_TEXT, R | V | P, AT(halt), 0, 0, NULL,
     FAILURES, "WHEN", "end early: soon or now, then fail=N, fail=P%, success=N or done=N, as in soon,fail=1"},
    {"notify", 0, SETTING_TEXT, R | P, AT(notify), 1, 0, NULL,
     FAILURES, "COMMAND", "run COMMAND for a task that failed or is held, its record as JSON on standard input"},
    {"notify-rate", 0, SETTING_COUNT, R | P, AT(notify_rate), 1, 600, NULL,
     FAILURES, "N", "most calls of --notify in a minute; the rest are counted (default 10)"},
    {"max-losses", 0, SETTING_COUNT, R | V | P, AT(max_losses), 1, ANY, NULL,
     FAILURES, "N", "lost workers after which a task is quarantined (default 10)"},
    {"output-max", 0, SETTING_SIZE, R | V | P | D, AT(output_max), 1, OUTPUT_MOST, NULL,
     FAILURES, "SIZE", "most a task may write to each of stdout and stderr (default 64M)"},
    {"mem-max", 0, SETTING_SIZE, R | V | P | D, AT(mem_max), 1 << 20, ANY, NULL,
     FAILURES, "SIZE", "most memory a command may map; failing for want of it is class oom (default unlimited)"},
    {"truncate", 0, SETTING_BOOL, R | V | P | D, AT(truncate), 0, 0, NULL,
     FAILURES, NULL, "cut output over the limit, with a mark, instead of failing"},

    {"keep-order", 'k', SETTING_BOOL, R | V | P, AT(keep_order), 0, 0, NULL,
     OUTPUT, NULL, "print in the order of the input"},
    {"tag", 0, SETTING_BOOL, R | V | P | D, AT(tag), 0, 0, NULL,
     OUTPUT, NULL, "begin each line of output with the task's values and a TAB"},
    {"line-buffer", 0, SETTING_BOOL, R | V | P | D, AT(line_buffer), 0, 0, NULL,
     OUTPUT, NULL, "print whole lines as they come (default: a task's output at its end)"},
    {"quiet", 'q', SETTING_BOOL, R, AT(quiet), 0, 0, NULL,
     OUTPUT, NULL, "no progress and no summary on stderr"},
    {"stdout", 0, SETTING_TEXT, R | V | P, AT(stdout_path), 0, 4095, NULL,
     OUTPUT, "TEMPLATE", "write a task's stdout to a file, such as out/{#}.txt"},
    {"stderr", 0, SETTING_TEXT, R | V | P, AT(stderr_path), 0, 4095, NULL,
     OUTPUT, "TEMPLATE", "write a task's stderr to a file"},
    {"joblog", 0, SETTING_TEXT, R | P, AT(joblog), 0, 4095, NULL,
     OUTPUT, "FILE", "a line per attempt, in GNU parallel's nine columns"},
    {"http", 0, SETTING_TEXT, R | FOR_PAGE, AT(http), 1, 255, NULL,
     OUTPUT, "[ADDRESS:]PORT", "serve a page about the run there: see fan-page(1); port 0 is any that is free"},
    {"results", 0, SETTING_TEXT, R | S, AT(results), 0, 4095, NULL,
     OUTPUT, "DIR", "the run directory (default fan-runs/NAME)"},

    {"jobs", 'j', SETTING_JOBS, R | W | P, AT(jobs), 1, 65535, NULL,
     RUNNING, "N|P%", "tasks at a time (default: one for each usable CPU)"},
    {"chdir", 0, SETTING_TEXT, R | V | P | D, AT(chdir), 0, 4095, NULL,
     RUNNING, "DIR", "run tasks in DIR (default: where fan was started)"},
    {"delay", 0, SETTING_DURATION, R | V | P | D, AT(delay_ms), 0, YEAR_MS, NULL,
     RUNNING, "DURATION", "least time between two starts on a worker (default 0s)"},
    {"priority", 0, SETTING_TEXT, R | V | P, AT(priority), 1, 4095, NULL,
     RUNNING, "TEMPLATE", "start tasks with a higher number first, such as {urgency} or {2}"},
    {"speculate", 0, SETTING_BOOL, R | V | P, AT(speculate), 0, 0, NULL,
     RUNNING, NULL, "at the end, start the slowest tasks a second time at another worker; the first to end counts"},
    {"compat", 0, SETTING_BOOL, R | V | P | D, AT(compat), 0, 0, NULL,
     RUNNING, NULL, "also set PARALLEL_SEQ, SLURM_ARRAY_TASK_ID, HQ_TASK_ID, HQ_ENTRY"},
    {"env", 0, SETTING_LIST, R | V | P | NO_ENVIRONMENT, AT(env), 0, 0, NULL,
     RUNNING, "NAME,...", "give tasks these variables as they are here, on every worker"},
    {"variables", 0, SETTING_LIST, D | HIDDEN | NO_FLAG, AT(variables), 0, 0, NULL,
     RUNNING, "NAME=VALUE", "the variables of --env"},
    {"pin", 0, SETTING_BOOL, R | V | P | D, AT(pin), 0, 0, NULL,
     RUNNING, NULL, "run the commands of each slot on one CPU, the slots in turn on those there are"},
    {"nice", 0, SETTING_COUNT, R | V | P | D, AT(nice), 0, 39, NULL,
     RUNNING, "N", "let commands give way to other programs: N is added to their niceness (default 0)"},
    {"max-load", 0, SETTING_COUNT, R | V | W | P | D, AT(max_load), 1, 65535, NULL,
     RUNNING, "N", "start nothing while N threads or more run on the host (default any)"},
    {"min-free-memory", 0, SETTING_SIZE, R | V | W | P | D, AT(min_free_memory), 1 << 20, ANY - 1, NULL,
     RUNNING, "SIZE", "start nothing while less memory is available on the host (default any)"},
    {"keep-dirs", 0, SETTING_CHOICE, R | V | P | D, AT(keep_dirs), 0, 0, "failed|all|none",
     RUNNING, "WHICH", "whose FAN_DIR stays when they have ended: failed, all or none (default failed)"},

    {"cpus", 0, SETTING_COUNT, R | V | P | D | NO_ENVIRONMENT, AT(cpus), 1, 65535, NULL,
     TAKES, "N", "CPUs that each task takes"},
    {"mem", 0, SETTING_SIZE, R | V | P | D | NO_ENVIRONMENT, AT(mem), 1, MUCH, NULL,
     TAKES, "SIZE", "memory that each task takes"},
    {"gpus", 0, SETTING_COUNT, R | V | P | D | NO_ENVIRONMENT, AT(gpus), 1, 1024, NULL,
     TAKES, "N", "GPUs that each task takes; their numbers are in CUDA_VISIBLE_DEVICES"},
    {"resource", 'r', SETTING_LIST, R | V | P | NO_ENVIRONMENT, AT(resource), 0, 0, NULL,
     TAKES, "NAME=N", "what else each task takes, such as license=1"},
    {"require", 0, SETTING_LIST, R | V | P, AT(require), 0, 0, NULL,
     TAKES, "NAME=TEXT", "only on workers with this --label"},
    {"have", 0, SETTING_LIST, R | P, AT(have), 0, 0, NULL,
     TAKES, "WHAT=AMOUNT", "of this machine: cpus, mem, gpus, or a name, such as license=2"},
    {"cpus", 0, SETTING_COUNT, W | NO_ENVIRONMENT, AT(own_cpus), 1, 65535, NULL,
     TAKES, "N", "CPUs for tasks (default: those this process may use)"},
    {"mem", 0, SETTING_SIZE, W | NO_ENVIRONMENT, AT(own_mem), 1, MUCH, NULL,
     TAKES, "SIZE", "memory for tasks (default: all that this process may use)"},
    {"gpus", 0, SETTING_TEXT, W | NO_ENVIRONMENT, AT(own_gpus), 1, 4095, NULL,
     TAKES, "N|LIST", "GPUs for tasks: how many, or their numbers as in 0,2 (default: those found)"},
    {"resource", 'r', SETTING_LIST, W | NO_ENVIRONMENT, AT(own_resource), 0, 0, NULL,
     TAKES, "NAME=N", "what else there is for tasks, such as license=2"},
    {"label", 0, SETTING_LIST, W, AT(label), 0, 0, NULL,
     TAKES, "NAME=TEXT", "what runs can --require, such as site=x"},

    {"name", 0, SETTING_NAME, R | V | P | D, AT(name), 0, 200, NULL,
     THE_RUN, "NAME", "name of the run (default: made of the time)"},
    {"resume", 0, SETTING_BOOL, R | V, AT(resume), 0, 0, NULL,
     THE_RUN, NULL, "continue a run: only what is new, failed or unfinished"},
    {"on-done", 0, SETTING_TEXT, R | P, AT(on_done), 1, 0, NULL,
     THE_RUN, "COMMAND", "run COMMAND at the end of the run, a summary as JSON on standard input"},
    {"accept-partial", 0, SETTING_BOOL, R | V | P, AT(accept_partial), 0, 0, NULL,
     THE_RUN, NULL, "take an input copy that was cut short for the whole input"},
    {"dry-run", 0, SETTING_BOOL, R | V, AT(dry_run), 0, 0, NULL,
     THE_RUN, NULL, "print the commands and how many there are, and exit"},

    {"endpoint", 0, SETTING_TEXT, V | W | S | HIDDEN | NO_FLAG, AT(endpoint), 0, 255, NULL,
     PLACES, "ENDPOINT", "the ventilator's endpoint, the first operand"},
    {"bind", 0, SETTING_TEXT, S, AT(bind), 0, 255, NULL,
     PLACES, "ENDPOINT", "where workers push results (default: beside the ventilator's)"},
    {"dir", 0, SETTING_TEXT, V | D | NO_ENVIRONMENT, AT(dir), 0, 4095, NULL,
     PLACES, "DIR", "directory of the plan and the input copy (default .)"},
    {"plan", 0, SETTING_TEXT, V, AT(plan), 0, 4095, NULL,
     PLACES, "FILE", "read the run from the plan in FILE"},
    {"run", 0, SETTING_TEXT, LOOK, AT(run), 0, 4095, NULL,
     PLACES, "NAME", "the run to look at (default: the newest in fan-runs)"},

    {"heartbeat", 0, SETTING_DURATION, R | V | W | S | P, AT(heartbeat_ms), 10, DAY_MS, NULL,
     LIMITS, "DURATION", "between two signs of life (default 1s)"},
    {"liveness", 0, SETTING_DURATION, R | V | W | S | P, AT(liveness_ms), 30, DAY_MS, NULL,
     LIMITS, "DURATION", "silence after which a peer is taken for lost (default 4s)"},
    {"rejoin", 0, SETTING_DURATION, R | V | P, AT(rejoin_ms), 0, DAY_MS, NULL,
     LIMITS, "DURATION", "time for workers to come back to a restarted ventilator (default 15s)"},
    {"wait", 0, SETTING_DURATION, R | W | S | P, AT(wait_ms), 0, ANY, NULL,
     LIMITS, "DURATION", "how long to try for a ventilator (default 10m)"},
    {"retain-max", 0, SETTING_SIZE, R | V | W | P | D, AT(retain_max), 1 << 20, UINT64_C(1) << 40, NULL,
     LIMITS, "SIZE", "results a worker keeps until they are stored (default 256M)"},
    {"order-window", 0, SETTING_COUNT, R | V | P, AT(order_window), 1, UINT64_C(1) << 32, NULL,
     LIMITS, "N", "with -k, tasks sent beyond the first unfinished (default 100000)"},

    {"retry", 0, SETTING_BOOL, FOR_DECIDE | NO_ENVIRONMENT, AT(retry), 0, 0, NULL,
     DECISION, NULL, "try them again, with all their retries"},
    {"ignore", 0, SETTING_BOOL, FOR_DECIDE | NO_ENVIRONMENT, AT(ignore), 0, 0, NULL,
     DECISION, NULL, "let them be failed, and count that as no failure of the run"},
    {"drop", 0, SETTING_BOOL, FOR_DECIDE | NO_ENVIRONMENT, AT(drop), 0, 0, NULL,
     DECISION, NULL, "they are not wanted any more"},
    {"mem", 0, SETTING_SIZE, FOR_DECIDE | NO_ENVIRONMENT, AT(new_mem), 1 << 20, MUCH, NULL,
     DECISION, "SIZE", "with --retry: so much memory at most for each of them from now on"},
    {"edit", 0, SETTING_TEXT, FOR_DECIDE | NO_ENVIRONMENT, AT(edit), 1, 700, NULL,
     DECISION, "ARGS", "with --retry: other values for them: NAME=VALUE ..., or all in their order"},
    {"all", 0, SETTING_BOOL, FOR_CANCEL | NO_ENVIRONMENT, AT(all), 0, 0, NULL,
     DECISION, NULL, "all that have not ended, also those not read of the input yet"},
    {"note", 0, SETTING_TEXT, FOR_DECIDE | STEER | NO_ENVIRONMENT, AT(note), 0, 160, NULL,
     DECISION, "TEXT", "why; it stands in the log beside your name and the time"},
    {"decisions", 0, SETTING_TEXT, S | NO_ENVIRONMENT, AT(decisions), 0, 4095, NULL,
     PLACES, "FILE", "store the decisions in FILE (- is standard input), as fan decide makes them, and exit"},

    {"json", 0, SETTING_BOOL, FOR_STATUS | FOR_VERIFY | FOR_LIST | FOR_HELD | FOR_DECIDE | FOR_ADD | STEER | TELL, AT(json), 0, 0, NULL,
     LOOKING, NULL, "print JSON, in the form that docs/schemas has of it"},
    {"timeout", 0, SETTING_DURATION, FOR_WAIT | NO_ENVIRONMENT, AT(patience_ms), 0, ANY, NULL,
     LOOKING, "DURATION", "give up after so long, with exit code 6 (default unlimited)"},
    {"failed", 0, SETTING_BOOL, SELECT, AT(failed), 0, 0, NULL,
     LOOKING, NULL, "only tasks that failed"},
    {"class", 0, SETTING_CHOICE, SELECT, AT(class), 0, 0,
     "exit|signal|timeout|oom|lost|spawn|output|quarantined|cancelled",
     LOOKING, "CLASS", "only what failed so: exit, signal, timeout, lost, ..."},
    {"host", 0, SETTING_TEXT, SELECT, AT(host), 0, 0, NULL,
     LOOKING, "NAME", "only what ran on this host"},
    {"since", 0, SETTING_DURATION, SELECT, AT(since_ms), 1, ANY, NULL,
     LOOKING, "DURATION", "only what ended so long ago, or later"},
    {"err", 0, SETTING_BOOL, FOR_LOGS, AT(err), 0, 0, NULL,
     LOOKING, NULL, "standard error (default: standard output)"},
    {"all-attempts", 0, SETTING_BOOL, SELECT, AT(all_attempts), 0, 0, NULL,
     LOOKING, NULL, "every attempt (default: the last of each task)"},
    {"follow", 'f', SETTING_BOOL, FOR_RESULTS | FOR_EVENTS, AT(follow), 0, 0, NULL,
     LOOKING, NULL, "go on with what is new until the run ends"},
    {"format", 0, SETTING_CHOICE, FOR_RESULTS, AT(format), 0, 0, "ndjson|csv|tsv|sqlite",
     LOOKING, "FORMAT", "ndjson, csv, tsv or sqlite (default ndjson)"},
    {"output", 'o', SETTING_TEXT, FOR_RESULTS | FOR_REPORT, AT(output_file), 0, 0, NULL,
     LOOKING, "FILE", "write there (default: standard output)"},
    {"extract", 0, SETTING_LIST, FOR_RESULTS, AT(extract), 0, 0, NULL,
     LOOKING, "PATTERN", "a column picked out of standard output: 'energy=([-0-9.e]+)'"},
    {"fields", 0, SETTING_TEXT, FOR_RESULTS, AT(fields), 0, 0, NULL,
     LOOKING, "A,B.C", "the fields to print (default: all)"},
    {"verbose", 'v', SETTING_BOOL, R | V | W | S, AT(verbose), 0, 0, NULL,
     LOOKING, NULL, "log what happens on stderr"},

    {"run-id", 0, SETTING_ID, OWN | D, AT(run_id), 0, 0, NULL,
     IDENTITY, "HEX", "128 random bits"},
    {"resume-token", 0, SETTING_ID, OWN, AT(resume_token), 0, 0, NULL,
     IDENTITY, "HEX", "drawn at each --resume"},
    {"input-token", 0, SETTING_ID, OWN, AT(input_token), 0, 0, NULL,
     IDENTITY, "HEX", "of the --resume that last changed the input"},
    {"input-copy", 0, SETTING_TEXT, OWN, AT(input_copy), 0, 255, NULL,
     IDENTITY, "FILE", "the copy of standard input, beside the plan"},
    {"fingerprints", 0, SETTING_LIST, OWN, AT(fingerprints), 0, 0, NULL,
     IDENTITY, "TEXT", "device, inode, size, time and path of each input"},
    {"created", 0, SETTING_TEXT, OWN, AT(created), 0, 255, NULL,
     IDENTITY, "TIME", "when the plan was made"},
    {"version", 0, SETTING_TEXT, OWN, AT(version), 0, 255, NULL,
     IDENTITY, "VERSION", "of the fan that made the plan"},
    {"working-directory", 0, SETTING_TEXT, OWN, AT(working_directory), 0, 4095, NULL,
     IDENTITY, "DIR", "where the run was started"},
    {"arguments", 0, SETTING_LIST, OWN, AT(arguments), 0, 0, NULL,
     IDENTITY, "WORD", "the command line as typed"},
};
// clang-format on

const size_t SETTING_COUNT_OF_ROWS =
    sizeof SETTING_TABLE / sizeof SETTING_TABLE[0];

static_assert(sizeof SETTING_TABLE / sizeof SETTING_TABLE[0] <=
                  sizeof((struct settings *)0)->layer,
              "a row without a layer");
