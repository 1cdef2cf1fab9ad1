/* nap - a task of known length that needs no CPU: sleeps so many milliseconds,
 * times $NAP_FACTOR where a worker's environment has it. Static. */
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    const char *factor = getenv("NAP_FACTOR");
    if (argc < 2)
        return 2;
    const double ms =
        strtod(argv[1], NULL) * (factor ? strtod(factor, NULL) : 1.0);
    const long ns = (long)(ms * 1e6);
    const struct timespec time = {ns / 1000000000, ns % 1000000000};
    return nanosleep(&time, NULL) == 0 ? 0 : 1;
}
