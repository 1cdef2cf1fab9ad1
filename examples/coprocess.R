# coprocess.R - a coprocess in R, without a package: a line in, a line out
#
#     fan run -k --framing lines --coprocess 'Rscript examples/coprocess.R' ::: '1 2 3' '4 6'
#
# The mean of a line's numbers. What is loaded here, before the loop, is loaded
# once per slot. Only the answer may go to standard output: print with message().
tasks <- file("stdin", "r")
while (length(line <- readLines(tasks, 1)) > 0) {
    answer <- tryCatch(mean(scan(text = line, quiet = TRUE)),
                       error = function(problem) {
                           message(conditionMessage(problem))
                           NA
                       })
    cat(answer, "\n", sep = "")
    flush(stdout())
}
