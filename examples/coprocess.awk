#!/usr/bin/awk -f
# coprocess.awk - a coprocess in awk: a plain filter, a line in, a line out
#
#     fan run -k --framing lines --coprocess 'mawk -W interactive -f examples/coprocess.awk' ::: '1 2' '3 4'
#
# It adds up the numbers of its line. The line has to leave at once: hence
# fflush, and for mawk -W interactive, which else reads ahead.
{
    sum = 0
    for (i = 1; i <= NF; i++)
        sum += $i
    print sum
    fflush()
}
