/* depth_sink - linked around the real sink by the linker's --wrap: notes when
 * each RESULTS comes; at depth 1 its number is the task's */
#include "sink/ledger.h"
#include "tests/bench/drivers/depth.h"

#include <stddef.h>

// The names are the linker's.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c)
enum ledger_link __real_ledger_results_link(struct ledger *ledger,
                                            const struct id128 *worker,
                                            uint64_t number, uint64_t kept);
enum ledger_link __wrap_ledger_results_link(struct ledger *ledger,
                                            const struct id128 *worker,
                                            uint64_t number, uint64_t kept);

enum ledger_link __wrap_ledger_results_link(struct ledger *ledger,
                                            const struct id128 *worker,
                                            uint64_t number, uint64_t kept)
{
    struct depth_times *times = depth_of(number);
    if (times && times->sunk_ns == 0)
        times->sunk_ns = depth_now_ns();
    return __real_ledger_results_link(ledger, worker, number, kept);
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c)
