#!/bin/sh
# coprocess.sh - a coprocess in the shell: jq does the tasks
#
#     fan run -k --coprocess examples/coprocess.sh ::: 4 9 none
#     fan run -k --coprocess examples/coprocess.sh --ndjson tasks.ndjson
#
# Each task is a line of JSON, and so is each answer: {"task": N, "result": ...}
# or {"task": N, "error": "..."}. docs/coprocess.md tells it in full.
echo '{"fan": 1, "framing": "ndjson"}'
exec jq -c --unbuffered '
    def answer: if .input then {fields: (.input | keys)}
                else (.args[0] | tonumber | sqrt) end;
    {task} + try {result: answer} catch {error: .}'
