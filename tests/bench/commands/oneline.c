/* oneline - the least program that has an output: prints one line. Static. */
#include <unistd.h>

int main(void)
{
    return write(STDOUT_FILENO, "one line\n", 9) == 9 ? 0 : 1;
}
